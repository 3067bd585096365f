/** Arguments, standard input and files of the command line: decoded as UTF-8, trimmed, and printed with escapes. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { passwordMatches } from '../../src/crypto/password.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { userStore } from '../../src/stores/users.ts'
import { collected } from './collected.ts'
import { type ServedState, servedState } from './command-line.ts'

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const PASSWORD = 'pässwörd lang'
const MARK = '\ufeff'
const NOT_UTF8 = Buffer.from(`${PASSWORD}\n`, 'latin1')
const UTF16 = Buffer.from(`${MARK}${PASSWORD}\n`, 'utf16le')

const CREATE_CLIENT = ['client', 'create', '--name', 'App', '--owner', 'o']
const user = (name: string) => ['user', 'create', '--username', name, '--email', 'u@example.org']

/** Runs a command with these bytes on standard input. */
async function piped(words: readonly string[], bytes: Uint8Array) {
  let said = ''
  const write = (text: string, done?: () => void) => {
    said += text
    done?.()
  }
  const stdin = (async function* () {
    yield bytes
  })()
  const out = { write }
  const env = { STATE_DIR: state.stateDir }
  return { status: await run(words, { stdout: out, stderr: out, stdin, env }), said }
}

const passwordIs = async (name: string, password: string) =>
  passwordMatches(
    password,
    (await userStore(state.database).findByUsername(name))?.passwordHash ?? '',
  )

describe('standard input', () => {
  it('a command that reads a password or a token from a terminal says that it waits for it', async () => {
    const asked = async (words: readonly string[], isTTY: boolean) => {
      const stdin = Object.assign(
        (async function* () {
          yield Buffer.from('short\n')
        })(),
        { isTTY },
      )
      const { written, ...io } = collected()
      await run(words, { ...io, stdin, env: { STATE_DIR: state.stateDir } })
      return written.stderr
    }
    const create = [...user('typed'), '--password-stdin']
    const revoke = ['session', 'revoke', '--token-stdin']
    const waits = /^Type the (password|token), then Enter\. It is shown while you type\.\n/
    for (const words of [create, ['user', 'set-password', 'nobody', '--password-stdin'], revoke]) {
      expect(await asked(words, true)).toMatch(waits)
      expect(await asked(words, false)).not.toMatch(waits)
    }
  })

  it('a password on standard input is read without a byte order mark and without any kind of line end', async () => {
    for (const [name, text] of [
      ['marked', `${MARK}${PASSWORD}\r\n`],
      ['plain', PASSWORD],
      ['lines', `${PASSWORD}\nignored \ud800`],
    ] as const) {
      const made = await piped([...user(name), '--password-stdin'], Buffer.from(text))
      expect(made.status, made.said).toBe(0)
      expect(await passwordIs(name, PASSWORD)).toBe(true)
    }
    const again = await piped(
      ['user', 'set-password', 'marked', '--password-stdin'],
      Buffer.from(`${MARK}another password\n`),
    )
    expect(again.status).toBe(0)
    expect(await passwordIs('marked', 'another password')).toBe(true)
    const token = Buffer.from(`${MARK}${mintToken('accessToken')}\n`)
    expect((await piped(['session', 'revoke', '--token-stdin'], token)).status).toBe(0)
  })

  it.each([
    ['Latin-1', NOT_UTF8],
    ['UTF-16', UTF16],
  ])('a password on standard input in %s is refused, and nothing is written', async (_, bytes) => {
    const before = await state.dump()
    for (const words of [
      [...user('latin'), '--password-stdin'],
      ['user', 'set-password', 'marked', '--password-stdin'],
      ['session', 'revoke', '--token-stdin'],
    ]) {
      expect(await piped(words, bytes)).toEqual({
        status: 1,
        said: 'error: standard input is not UTF-8 text: save it as UTF-8\n',
      })
    }
    expect(await state.dump()).toEqual(before)
  })
})

describe('files', () => {
  const write = async (name: string, bytes: string | Uint8Array) => {
    const file = join(state.stateDir, name)
    await writeFile(file, bytes)
    return file
  }

  it('a file of keys may begin with a byte order mark, and is refused if it is not UTF-8', async () => {
    const { publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwks = JSON.stringify({ keys: [await exportJWK(publicKey)] })
    const words = [...CREATE_CLIENT, '--auth-method', 'private_key_jwt', '--jwks-file']
    const marked = await write('marked.json', `${MARK}${jwks}`)
    expect(await state.json([...words, marked])).toEqual({ client_id: expect.any(String) })
    const utf16 = await write('utf16.json', Buffer.from(MARK + jwks, 'utf16le'))
    expect(await state.admin([...words, utf16])).toEqual({
      status: 1,
      stdout: '',
      stderr: `error: --jwks-file ${JSON.stringify(utf16)} is not UTF-8 text: save it as UTF-8\n`,
    })
  })

  it('a configuration file may begin with a byte order mark, and is refused if it is not UTF-8', async () => {
    const config = 'name = "w"\nmain = "w.ts"\ncompatibility_date = "2026-08-01"\n'
    const marked = await write('marked.toml', `${MARK}${config}`)
    expect(readWranglerConfig(marked).name).toBe('w')
    const utf16 = await write('utf16.toml', Buffer.from(MARK + config, 'utf16le'))
    expect(() => readWranglerConfig(utf16)).toThrow('utf16.toml is not UTF-8 text')
  })
})

describe('arguments', () => {
  it('every argument is read without the spaces around it', async () => {
    const words = [
      '--url',
      ' https://app.example/ ',
      '--scope',
      ' a:b  c:d ',
      '--auth-method',
      ' client_secret_basic',
    ]
    const { client_id } = await state.json<{ client_id: string }>([
      ...['client', 'create', '--name', ' Spaced ', '--owner', '\to ', '--description', ' d '],
      ...['--redirect-uri', ' https://app.example/cb '],
      ...words,
    ])
    expect(await state.json(['client', 'show', ` ${client_id}\n`])).toMatchObject({
      name: 'Spaced',
      owner_id: 'o',
      description: 'd',
      url: 'https://app.example/',
      auth_method: 'client_secret_basic',
      redirect_uris: ['https://app.example/cb'],
      scopes: ['a:b', 'c:d'],
    })
    await state.json([
      ...['user', 'create', '--username', ' spaced\u00a0', '--email', ' s@example.org '],
      ...['--password', ' spaces count '],
    ])
    expect(await state.json(['user', 'show', ' spaced '])).toMatchObject({
      username: 'spaced',
      email: 's@example.org',
    })
    expect(await passwordIs('spaced', ' spaces count ')).toBe(true)
    expect((await state.admin(['session', 'revoke', '--client', ` ${client_id} `])).status).toBe(0)
    expect(
      await state.json(['audit', '--client', ` ${client_id} `, '--since', ' 1h ']),
    ).toHaveLength(2)
    expect((await state.admin(['client', 'list', '--limit', ' 1 '])).status).toBe(0)
  })

  it('an argument that is not UTF-8 is refused, because Node.js replaces its bytes by U+FFFD', async () => {
    const broken = 'm\ufffdller'
    for (const words of [
      [...user(broken), '--password', PASSWORD],
      [...user('whole'), '--password', `${broken} password`],
      [...user('whole'), '--password', PASSWORD, '--scope', `a:b ${broken}`],
      ['user', 'show', broken],
    ]) {
      const { status, stderr } = await state.admin(words)
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/^error: (?:--\w+|an argument) is not UTF-8 text\n$/),
      ])
    }
  })

  it.each(['a\u0007b', 'a\u009bb', 'a\u202eb', '\u200b', ''])(
    'the username %j is refused',
    async (name) => {
      const { status, stderr } = await state.admin([...user(name), '--password', PASSWORD])
      expect([status, stderr]).toEqual([
        1,
        'error: --username must be one word, without spaces and control characters\n',
      ])
    },
  )
})

describe('output', () => {
  const HOSTILE = 'A\u001b[2J\u009b31m\u202eB\u2028C\u0007D'

  it('the output escapes the control characters of a name, in every format and on both streams', async () => {
    const { client_id } = await state.json<{ client_id: string }>([
      ...['client', 'create', '--name', HOSTILE, '--owner', 'hostile', '--description', HOSTILE],
    ])
    const listing = ['client', 'list', '--owner', 'hostile']
    const printed = [
      await state.admin(listing),
      await state.admin([...listing, '--json']),
      await state.admin(['client', 'show', client_id]),
      await state.admin(['client', 'show', client_id, '--json']),
      await state.admin(['client', 'show', HOSTILE]),
      await state.admin(['audit', '--client', client_id]),
      await state.admin(['client', HOSTILE]),
    ]
    for (const { stdout, stderr } of printed) {
      expect(stdout + stderr).toMatch(/\S/)
      expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\p{Bidi_Control}]/u)
    }
    // The JSON parses to the same name.
    expect(await state.json<{ name: string }>(['client', 'show', client_id])).toMatchObject({
      name: HOSTILE,
    })
    expect(printed[0]?.stdout).toContain(String.raw`A\u001b[2J\u009b31m\u202eB\u2028C\u0007D`)
  })

  it('client list and user list print a table with one line for each record that matches the filters', async () => {
    for (const [name, owner] of [
      ['Müller Verlag', 'p-1'],
      ['Zeitung', 'p-1'],
      ['MÜLLER Brot', 'p-2'],
    ] as const) {
      await state.json(['client', 'create', '--name', name, '--owner', owner])
    }
    const lines = async (...words: string[]) =>
      (await state.admin(words)).stdout.trimEnd().split('\n')
    const [head, ...rows] = await lines('client', 'list', '--owner', 'p-1')
    expect(head).toMatch(/^client_id +name +kind +owner_id +auth_method +state$/)
    expect(rows.map((row) => row.split(/ {2,}/).slice(1)).sort()).toEqual([
      ['Müller Verlag', 'operator', 'p-1', expect.any(String), 'enabled'],
      ['Zeitung', 'operator', 'p-1', expect.any(String), 'enabled'],
    ])
    const named = await state.json<{ name: string }[]>(['client', 'list', '--name', 'mu\u0308ller'])
    expect(named.map(({ name }) => name).sort()).toEqual(['MÜLLER Brot', 'Müller Verlag'])
    expect(
      await state.json(['client', 'list', '--name', 'müller', '--owner', 'p-2']),
    ).toMatchObject([{ name: 'MÜLLER Brot' }])
    expect(await lines('client', 'list', '--name', 'no such')).toEqual(['none'])

    await state.json([...user('Tabea'), '--password', PASSWORD])
    await state.admin(['user', 'disable', 'tabea'])
    const [userHead, row, ...others] = await lines('user', 'list', '--name', 'TABE')
    expect(userHead).toMatch(/^user_id +username +email +state$/)
    expect(row?.split(/ {2,}/).slice(1)).toEqual(['Tabea', 'u@example.org', 'disabled'])
    expect(others).toEqual([])
  })

  it('client create and user create print the registered record', async () => {
    const words = [...CREATE_CLIENT, '--scope', 'a:b']
    const { stdout } = await state.admin(words)
    expect(stdout).toMatch(/^name: +App$/m)
    expect(stdout).toMatch(/^scopes: +a:b$/m)
    expect(stdout).toMatch(/^grant_types: +client_credentials$/m)
    expect(stdout).toMatch(/^client_secret: +regs_\S+$/m)
    const keys = (document: object) => Object.keys(document).sort()
    expect(keys(await state.json(words))).toEqual(['client_id', 'client_secret'])
    const made = await state.admin([...user('shown'), '--scope', 'a:b', '--password', PASSWORD])
    expect(made.stdout).toMatch(/^username: +shown$/m)
    expect(made.stdout).toMatch(/^scopes: +a:b$/m)
    expect(keys(await state.json([...user('shown2'), '--password', PASSWORD]))).toEqual(['user_id'])
  })
})
