/** `npm run admin -- key`: works offline, and writes private keys only where the operator says. */

import { existsSync, readFileSync, statSync } from 'node:fs'
import { chmod, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { run } from '../../src/cli/main.ts'
import {
  createKeys,
  EXPIRED_AFTER_SECONDS,
  formatKeys,
  PUBLISHED_AFTER_SECONDS,
} from '../../src/crypto/key-rotation.ts'
import { publicKeys, readSigningKeys } from '../../src/crypto/signing-keys.ts'
import { commandLine, temporaryDirectory } from './command-line.ts'

type Shown = {
  keys: { kid: string; alg: string; role: string; added_at: string; first_at: string | null }[]
  next: string
  file: string
  to_set: string
}

let folder: string
let file: string
beforeAll(async () => {
  folder = await temporaryDirectory()
  file = join(folder, 'keys.json')
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(() => rm(file, { force: true }))

const present = () => readSigningKeys(readFileSync(file, 'utf8'))
const kids = async () => (await publicKeys(present())).keys.map(({ kid }) => kid)

/** Nothing of a private key is printed. */
async function key(...words: string[]) {
  const answer = await commandLine(['key', ...words], {})
  if (existsSync(file)) {
    for (const { d = 'none' } of present()) {
      expect(answer.stdout + answer.stderr).not.toContain(d)
    }
  }
  return answer
}
async function done(...words: string[]): Promise<Shown> {
  const { status, stdout, stderr } = await key(...words, '--out', file, '--json')
  expect([status, stderr]).toEqual([0, ''])
  return JSON.parse(stdout) as Shown
}
const refused = async (...words: string[]) => {
  const before = existsSync(file) ? readFileSync(file, 'utf8') : null
  const { status, stdout, stderr } = await key(...words)
  expect(stdout).toBe('')
  expect(existsSync(file) ? readFileSync(file, 'utf8') : null).toBe(before)
  return { status, stderr }
}

async function later<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  const nowMs = Date.now() + seconds * 1000
  const clock = vi.spyOn(Date, 'now').mockReturnValue(nowMs)
  try {
    return await work()
  } finally {
    clock.mockRestore()
  }
}

describe('a rotation', () => {
  it('key create, add, promote and retire rotate a key, and each prints the next step', async () => {
    const created = await done('create')
    const [old = ''] = await kids()
    expect(created.keys).toMatchObject([{ kid: old, alg: 'ES256', role: 'signs' }])
    expect(created.to_set).toBe(`npx wrangler secret put SIGNING_KEYS < ${file}`)

    const added = await done('add', '--from', file, '--alg', 'EdDSA')
    const [, young = ''] = await kids()
    expect(added.keys).toMatchObject([
      { kid: old, role: 'signs' },
      { kid: young, alg: 'EdDSA', role: 'verifies', first_at: null },
    ])
    expect(added.next).toMatch(new RegExp(`^key promote ${young}, not before 20[0-9T:-]+Z$`))

    await later(PUBLISHED_AFTER_SECONDS, async () => {
      const shown = await key('show', '--from', file)
      expect(shown.stdout).toContain(`key promote ${young}, now`)
      const promoted = await done('promote', '--from', file)
      expect(await kids()).toEqual([young, old])
      expect(promoted.next).toMatch(new RegExp(`^key retire ${old}, not before 20[0-9T:-]+Z$`))
    })
    await later(PUBLISHED_AFTER_SECONDS + EXPIRED_AFTER_SECONDS, async () => {
      const retired = await done('retire', '--from', file)
      expect(await kids()).toEqual([young])
      expect(retired.next).toBe('key add, when you want to replace the key')
    })
  })

  it('key promote and key retire are refused while they would invalidate valid tokens, unless a key has leaked', async () => {
    await done('create')
    await done('add', '--from', file)
    const [old = '', young = ''] = await kids()
    for (const kid of [[], [young]]) {
      const { status, stderr } = await refused('promote', ...kid, '--from', file, '--out', file)
      expect(status).toBe(1)
      expect(stderr).toMatch(/^error: services may not know the key yet: wait until 20\S+Z, or /)
    }
    await done('promote', '--from', file, '--at-once')
    for (const kid of [[], [old]]) {
      const { status, stderr } = await refused('retire', ...kid, '--from', file, '--out', file)
      expect(status).toBe(1)
      expect(stderr).toMatch(
        /^error: what the key has signed may be in use: wait until 20\S+Z, or /,
      )
    }
    await done('retire', '--from', file, '--at-once')
    expect(await kids()).toEqual([young])
    // A key that was added by mistake has signed nothing.
    await done('add', '--from', file)
    const [, mistake = ''] = await kids()
    await done('retire', mistake, '--from', file)
    expect(await kids()).toEqual([young])
  })

  it('key create with a published set keeps its keys for verification beside a new key, if their private parts are lost', async () => {
    const lost = await createKeys('ES256', 1_790_000_000)
    const published = join(folder, 'jwks.json')
    await writeFile(published, JSON.stringify(await publicKeys(lost)))
    const shown = await key('show', '--from', published)
    expect([shown.status, shown.stdout]).toEqual([0, expect.stringContaining('next:')])
    const { keys, next } = await done('create', '--keep', published)
    expect(keys.map(({ role }) => role)).toEqual(['signs', 'verifies'])
    expect((await kids())[1]).toBe((await publicKeys(lost)).keys[0]?.kid)
    expect(next).toContain('key retire')
    const { status, stderr } = await refused(
      'promote',
      (await kids())[1] ?? '',
      '--from',
      file,
      '--out',
      file,
    )
    expect([status, stderr]).toEqual([1, expect.stringContaining('has no private part')])
  })
})

describe('the output of private keys', () => {
  it('a key command writes the new value to a file that only its owner can read, whatever its mode was before', async () => {
    await done('create')
    await chmod(file, 0o644)
    await done('add', '--from', file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('a key command without --out is refused, and with --out - prints only the value on standard output and the next step on standard error', async () => {
    const { status, stderr } = await refused('create')
    expect([status, stderr]).toEqual([
      2,
      'error: say where the private keys go: --out FILE, or --out - for standard output\n',
    ])
    const json = await refused('create', '--out', '-', '--json')
    expect(json.status).toBe(2)
    const printed = await commandLine(['key', 'create', '--out', '-'], {})
    expect(readSigningKeys(printed.stdout)).toHaveLength(1)
    expect(printed.stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(printed.stderr).toBe('note: next: key add, when you want to replace the key\n')
    // In a pipe, the current value is on standard input.
    const added = await commandLine(['key', 'add', '--out', '-'], { stdin: printed.stdout })
    expect(readSigningKeys(added.stdout)).toHaveLength(2)
  })

  it('key show prints no private part of a valid or an invalid value', async () => {
    await done('create')
    for (const form of [[], ['--json']]) {
      const { status, stdout } = await key('show', '--from', file, ...form)
      expect([status, stdout]).toEqual([0, expect.stringContaining((await kids())[0] ?? '-')])
    }
    const { d = '' } = present()[0]
    const broken = await commandLine(['key', 'show'], {
      stdin: readFileSync(file, 'utf8').replace('"x"', '"X"'),
    })
    expect([broken.status, broken.stdout]).toEqual([1, ''])
    expect(broken.stderr).toBe(
      'error: standard input: key 1 must have x and y of 32 bytes in base64url\n',
    )
    expect(broken.stderr).not.toContain(d)
  })

  it('key create does not overwrite a file, which may be the only copy of its keys', async () => {
    await done('create')
    const { status, stderr } = await refused('create', '--out', file)
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('exists, and key create would replace'),
    ])
  })

  it('a key command at a terminal does not wait for a value on standard input', async () => {
    let said = ''
    const out = {
      write(text: string) {
        said += text
      },
    }
    const stdin = Object.assign((async function* () {})(), { isTTY: true })
    const status = await run(['key', 'show'], { stdout: out, stderr: out, stdin, env: {} })
    expect([status, said]).toEqual([
      2,
      'error: name the file with the present value: --from FILE\n',
    ])
  })

  it('a key command prints a wrangler command that can be pasted, for the authenticator and for a file name with a space', async () => {
    const spaced = join(folder, "ada's keys.json")
    const { stdout } = await key('create', '--out', spaced, '--authenticator', '--json')
    expect((JSON.parse(stdout) as Shown).to_set).toBe(
      `npx wrangler secret put AUTHENTICATOR_KEYS --config src/authenticator/wrangler.toml < '${spaced.replace("'", `'\\''`)}'`,
    )
  })
})

describe('refusals', () => {
  it('key retire and key promote refuse the signing key, the only key and an unknown key', async () => {
    await done('create')
    const [kid = ''] = await kids()
    const use = ['--from', file, '--out', file] as const
    const cases = [
      [['retire', kid, ...use], `${kid} is the key that signs: make another key the first before`],
      [['promote', kid, ...use], `${kid} is the key that signs already`],
      [['retire', ...use], 'there is one key: key add makes another before a key retire'],
      [['promote', ...use], 'there is one key: key add makes another before a key promote'],
      [['promote', 'other', ...use], 'no key has the kid other'],
    ] as const
    for (const [words, sentence] of cases) {
      expect(await refused(...words)).toEqual({ status: 1, stderr: `error: ${sentence}\n` })
    }
  })

  it('key promote and key retire require a kid if the next step does not follow from the keys', async () => {
    await done('create')
    await done('add', '--from', file)
    const [, young = ''] = await kids()
    const { status, stderr } = await refused('retire', '--from', file, '--out', file)
    expect([status, stderr]).toEqual([1, `error: name the key to retire: ${young}\n`])
  })

  it('key add refuses more keys than a worker accepts', async () => {
    await done('create')
    for (let i = 0; i < 4; i += 1) await done('add', '--from', file)
    const { status, stderr } = await refused('add', '--from', file, '--out', file)
    expect([status, stderr]).toEqual([1, expect.stringContaining('there are 5 keys already')])
  })

  it.each([
    ['', 'must be JSON: a JWK Set'],
    ['{"keys":[]}', 'must have 1 to 5 keys'],
    ['{"keys":[{"kty":"RSA"}]}', 'key 1 must be of the type EC P-256 or OKP Ed25519'],
  ])('a key command refuses the current value %j with an error', async (text, sentence) => {
    await writeFile(file, text)
    const { status, stdout, stderr } = await commandLine(
      ['key', 'add', '--from', file, '--out', file],
      {},
    )
    expect([status, stdout, stderr]).toEqual([
      1,
      '',
      `error: ${JSON.stringify(file)}: ${sentence}\n`,
    ])
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('a key command refuses a value that has a key twice, or a key whose public and private part do not match', async () => {
    const [one, two] = [await createKeys('ES256', 0), await createKeys('ES256', 0)]
    const mixed = JSON.stringify({ keys: [{ ...one[0], d: two[0].d }] })
    const twice = JSON.stringify({ keys: [one[0], one[0]] })
    for (const [stdin, sentence] of [
      [mixed, 'key 1 cannot sign: its public and its private part do not fit together'],
      [twice, 'key 2 must not be key 1 once more'],
    ] as const) {
      const answer = await commandLine(['key', 'add', '--out', '-'], { stdin })
      expect(answer).toEqual({
        status: 1,
        stdout: '',
        stderr: `error: standard input: ${sentence}\n`,
      })
    }
    // Control: each key by itself is accepted.
    const stdin = await formatKeys(one)
    expect((await commandLine(['key', 'add', '--out', '-'], { stdin })).status).toBe(0)
  })

  it('a key command names a file that it cannot read or write, and prints nothing else', async () => {
    const missing = join(folder, 'missing', 'keys.json')
    expect(await refused('show', '--from', missing)).toMatchObject({
      status: 1,
      stderr: `error: ${JSON.stringify(missing)} cannot be read (ENOENT)\n`,
    })
    expect(await refused('create', '--out', missing)).toMatchObject({
      status: 1,
      stderr: `error: ${JSON.stringify(missing)} cannot be written (ENOENT)\n`,
    })
  })
})
