/** `export` and `apply` of the command line against `npm start`: the registry becomes equal to the file, and each change is printed. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { SECTIONS } from '../../src/cli/registry-file/sections.ts'
import { registryText } from '../../src/cli/registry-file/text.ts'
import { runs } from '../sample.ts'
import { anyRaw, completed } from '../unit/registry-entries.ts'
import { collected } from './collected.ts'
import { commandLine } from './command-line.ts'
import { type RunningRegistry, startRegistry } from './running-registry.ts'

let registry: RunningRegistry
beforeAll(async () => {
  registry = await startRegistry()
})
afterAll(() => registry?.end())

const inState = (name: string) => join(registry.stateDir, name)
const admin = (words: readonly string[], stdin?: string) =>
  commandLine(words, {
    env: { STATE_DIR: registry.stateDir },
    ...(stdin !== undefined && { stdin }),
  })
const apply = (text: string, ...options: string[]) => admin(['apply', '-', ...options], text)
const exported = async (...options: string[]) => {
  const { status, stdout, stderr } = await admin(['export', '-', ...options])
  if (status !== 0) throw new Error(stderr)
  return stdout
}
const EMPTY = `version: 1\n${SECTIONS.map(({ name }) => `${name}: []\n`).join('')}`
const clear = async () => {
  const cleared = await apply(EMPTY, '--prune')
  if (cleared.status !== 0) throw new Error(cleared.stderr)
}
const client = (id: string, ...members: string[]) =>
  [
    `  - client_id: ${id}`,
    '    name: App',
    '    owner_id: o',
    ...members.map((one) => `    ${one}`),
    '',
  ].join('\n')
const fileWith = (...clients: string[]) => `version: 1\nclients:\n${clients.join('')}`
const events = async () =>
  ((await registry.administer('audit', '--limit', '1000')) as { event: string }[]).map(
    ({ event }) => event,
  )

describe('export and apply', () => {
  it('apply --check of the exported demo of npm start finds no difference', async () => {
    for (const name of ['registry.yaml', 'registry.json']) {
      const written = await admin(['export', inState(name)])
      expect(written).toMatchObject({ status: 0, stderr: '' })
      expect(written.stdout).toMatch(
        /registry\.(?:yaml|json): 19 scopes, 0 resources, 20 categories, 0 document hosts, 1 client, 1 user\n$/,
      )
      const checked = await admin(['apply', inState(name), '--check', '--prune'])
      expect(checked).toMatchObject({ status: 0, stderr: '' })
      expect(checked.stdout).toMatch(/^Nothing to change; \d+ as in the file\.\n$/)
    }
    const text = await readFile(inState('registry.yaml'), 'utf8')
    expect(text).toContain('owner_id:')
    expect(text).not.toMatch(/reg[a-z]?_|registry-operator|registry-command-line|scrypt|password/)
  })

  it('any file that is applied is exported as the same text, and applying it again changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(anyRaw, async (raw) => {
        const text = registryText(await completed(raw), 'yaml')
        // Some files can only be applied to an empty registry: users exchange their names, or hold a scope that the file lacks.
        let applied = await apply(text, '--prune', '--json')
        if (/exchange their|is not in the file, but/.test(applied.stderr)) {
          await clear()
          applied = await apply(text, '--prune', '--json')
        }
        if (applied.status !== 0) throw new Error(applied.stderr)
        const byIds = (one: string) => one.split('\n').sort().join('\n')
        expect(byIds(await exported())).toBe(byIds(text))
        const checked = await apply(text, '--prune', '--check')
        if (checked.status !== 0) throw new Error(checked.stdout)
      }),
      { numRuns: runs(3, 8), endOnFailure: true },
    )
  })
})

describe('apply', () => {
  beforeEach(clear)

  it('apply --check prints only the differences, writes nothing and ends with status 2', async () => {
    await apply(fileWith(client('kept')))
    const before = await events()
    const text = fileWith(client('kept', 'scopes: [read]'), client('new'))
    const checked = await apply(text, '--check')
    expect(checked).toEqual({
      status: 2,
      stderr: '',
      stdout: `change client kept
    scopes: + read
create client new
    name: "App"
    owner_id: "o"
    grant_types: client_credentials
1 to create, 1 to change, 0 to delete; 0 as in the file.
`,
    })
    expect(await events()).toEqual(before)
    const inJson = await apply(text, '--check', '--json')
    expect(inJson.status).toBe(2)
    expect(JSON.parse(inJson.stdout)).toEqual({
      changes: [
        {
          action: 'change',
          kind: 'client',
          id: 'kept',
          changes: [{ field: 'scopes', from: [], to: ['read'] }],
          done: false,
        },
        expect.objectContaining({ action: 'create', id: 'new', done: false }),
      ],
      unchanged: 0,
      not_in_file: {},
    })
  })

  it('apply prints the secret of a new client once, and the secret gets a token', async () => {
    const text = fileWith(client('machine', 'scopes: [files:read]'))
    const { stdout, status } = await apply(text)
    expect(status).toBe(0)
    const [, secret = ''] = /^client_secret of machine, shown only once: (\S+)$/m.exec(stdout) ?? []
    const body = { grant_type: 'client_credentials', client_id: 'machine', client_secret: secret }
    const token = await fetch(`${registry.registry}/token`, {
      method: 'POST',
      body: new URLSearchParams(body),
    })
    expect(await token.json()).toMatchObject({ scope: 'files:read' })
    expect((await apply(text)).stdout).toBe('Nothing to change; 1 as in the file.\n')
    const other = await apply(fileWith(client('machine'), client('other')), '--json')
    const { changes } = JSON.parse(other.stdout) as {
      changes: { id: string; client_secret?: string }[]
    }
    expect(changes.map(({ id, client_secret }) => [id, client_secret?.slice(0, 5)])).toEqual([
      ['machine', undefined],
      ['other', 'regs_'],
    ])
  })

  it('apply without --prune deletes nothing, and prints the number of records that are not in the file', async () => {
    await apply(fileWith(client('a'), client('b')))
    const kept = await apply(fileWith(client('a')))
    expect(kept).toMatchObject({
      status: 0,
      stderr: 'note: 1 client is not in the file and stays: --prune deletes it\n',
    })
    const pruned = await apply(fileWith(client('a')), '--prune')
    expect(pruned.stdout).toContain(
      'delete client b (App)\n0 to create, 0 to change, 1 to delete; 1 as in the file.\ndeleted client b',
    )
    expect(await exported('--section', 'clients')).not.toContain('client_id: b')
  })

  it('apply creates clients with requested permissions, and a disabled client that is not usable at any time', async () => {
    const requested = [
      'grant_types: []',
      'requested_grant_types: [client_credentials]',
      'requested_scopes: [a]',
    ]
    const text = fileWith(
      client('asking', ...requested),
      client('both', 'scopes: [a]', 'requested_scopes: [b]'),
      client('off', 'scopes: [a]', 'disabled: true'),
    )
    expect(await apply(text)).toMatchObject({ status: 0 })
    expect(await apply(text, '--check')).toMatchObject({ status: 0 })
    const rows = (await registry.administer('audit', '--client', 'off', '--limit', '10')) as {
      event: string
      detail: Record<string, unknown>
    }[]
    expect(rows.map(({ event, detail }) => [event, detail.scopes]).reverse()).toEqual([
      ['client.create', undefined],
      ['client.update', ['a']],
      ['client.disable', undefined],
    ])
    const changed = fileWith(
      client(
        'asking',
        'auth_method: none',
        'redirect_uris: ["https://a.example/"]',
        'grant_types: [authorization_code]',
      ),
      client('both', 'scopes: [b]', 'requested_scopes: [a]'),
      client('off', 'scopes: [a]'),
    )
    expect(await apply(changed)).toMatchObject({ status: 0 })
    expect(await apply(changed, '--check')).toMatchObject({ status: 0 })
  })

  it('apply declares a resource before the client that has it as its default, and deletes it after the client', async () => {
    const resource =
      'resources:\n  - {uri: "HTTPS://Files.example:443", name: Files, scopes: [read]}\n'
    const holder = `clients:\n${client('app', 'scopes: [read]', 'default_resources: [https://files.example]')}`
    const text = `version: 1\n${resource}${holder}`
    expect(await apply(text)).toMatchObject({ status: 0 })
    expect(await apply(text, '--check')).toMatchObject({ status: 0 })
    const kept = await apply('version: 1\nresources: []\n', '--prune')
    expect(kept).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('is not in the file, but client app refers to it'),
    })
    const gone = await apply('version: 1\nresources: []\nclients: []\n', '--prune')
    expect(gone.stdout).toMatch(
      /deleted client app \(App\)\ndeleted resource https:\/\/files\.example/,
    )
  })

  it('an apply that fails halfway keeps the changes so far, prints the others, and the same command continues', async () => {
    const titles = (count: number) =>
      Array.from({ length: count }, (_, i) => {
        const letters = [26 * 26, 26, 1].map((n) =>
          String.fromCharCode(97 + (Math.floor(i / n) % 26)),
        )
        return `  - {name: cs.${letters.join('')}, title: T}\n`
      }).join('')
    // One more than can be declared. Only the registry knows this limit.
    const text = (count: number) =>
      `version: 1\nscopes:\n  - {name: new, sentence: New}\ncategories:\n${titles(count)}clients:\n${client('app')}`
    const failed = await apply(text(1001), '--json')
    expect(failed.status).toBe(1)
    expect(failed.stderr).toMatch(
      /^note: 1 of 1003 changes are made and stay, and create category cs\.aaa failed\. Run the same command again to make the rest\nerror: items must not have more than 1000 items/,
    )
    const { changes } = JSON.parse(failed.stdout) as { changes: { id: string; done: boolean }[] }
    expect([changes.length, ...changes.slice(0, 2).map(({ id, done }) => [id, done])]).toEqual([
      1003,
      ['new', true],
      ['cs.aaa', false],
    ])
    const again = await apply(text(3))
    expect(again.stdout).toContain(
      '4 to create, 0 to change, 0 to delete; 1 as in the file.\ncreated category cs.aaa',
    )
    expect(await apply(text(3), '--check')).toMatchObject({ status: 0 })
    const one = await apply(text(1), '--prune')
    expect(one.stdout).toContain('0 to create, 0 to change, 2 to delete; 3 as in the file.\n')
    expect(await exported('--section', 'categories')).not.toContain('cs.aab')
  })

  it('apply of a file with errors changes nothing, and prints each error in a line with its place', async () => {
    const before = await events()
    const text = fileWith(client('good'), client('bad', 'url: ftp://a', 'secret: x'))
    expect(await apply(text)).toEqual({
      status: 1,
      stdout: '',
      stderr: `error: line 9: client bad: url "ftp://a" is not an http or https URL
error: line 10: client bad: there is no member "secret"
error: standard input has 2 problems: nothing was changed
`,
    })
    expect(await events()).toEqual(before)
    const many = fileWith(...Array.from({ length: 30 }, (_, i) => client(`c${i}`, 'url: a')))
    const { stderr } = await apply(many)
    expect(stderr.trim().split('\n')).toHaveLength(21)
    expect(stderr).toContain('has 30 problems, of which 20 are shown')
  })

  it('apply creates users without a password, and a note says how to set one', async () => {
    const users =
      'version: 1\nusers:\n  - {user_id: u1, username: ada, email: ada@example.org, scopes: [read]}\n'
    expect(await apply(users)).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('note: new users have no password yet: user invite <id>'),
    })
    expect((await apply(users)).stderr).toBe('')
  })

  it.each([
    [
      ['apply', 'no-such-file.yaml'],
      1,
      /^error: "no-such-file\.yaml" cannot be read \(ENOENT\)\n$/,
    ],
    [['apply', '/'], 1, /^error: "\/" cannot be read \(EISDIR\)\n$/],
    [
      ['export', '/no/such/folder/a.yaml'],
      1,
      /^error: "\/no\/such\/folder\/a\.yaml" cannot be written \(ENOENT\)\n$/,
    ],
    [
      ['export', '-', '--section', 'client'],
      2,
      /^error: --section "client" is not one of scopes, resources, categories, document_hosts, clients, users\n$/,
    ],
    [['apply'], 2, /^error: missing required argument 'file'\n$/],
  ])('the command %j is refused', async (words, status, stderr) => {
    expect(await admin(words)).toMatchObject({ status, stderr: expect.stringMatching(stderr) })
  })

  it('apply refuses a file that is too long before it parses the file', async () => {
    await writeFile(inState('long.yaml'), `version: 1\n#${' '.repeat(17 * 1024 * 1024)}`)
    expect(await admin(['apply', inState('long.yaml')])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('is longer than 16 MiB: split it'),
    })
  })
})

describe('apply at a terminal', () => {
  beforeEach(clear)

  /** Types the answer after the question. `meanwhile` runs before it. */
  async function atTerminal(answer: string, options: string[] = [], meanwhile = async () => {}) {
    const file = inState('asked.yaml')
    await writeFile(file, fileWith(client('app', 'scopes: [read]')))
    const { written, ...io } = collected()
    const typed = (async function* () {
      await meanwhile()
      yield `${answer}\n`
    })()
    const status = await run(['apply', file, ...options], {
      ...io,
      stdin: Object.assign(typed, { isTTY: true }),
      env: { STATE_DIR: registry.stateDir },
    })
    return { status, ...written }
  }

  it.each(['no', '', 'yess'])(
    'apply changes nothing after the answer %j at a terminal',
    async (answer) => {
      const asked = await atTerminal(answer)
      expect(asked).toMatchObject({
        status: 1,
        stderr: 'Make these changes? Answer yes or no: error: nothing was changed\n',
      })
      expect(asked.stdout).toContain('create client app')
      expect(await exported('--section', 'clients')).not.toContain('client_id: app')
    },
  )

  it('apply makes the changes after the answer yes, and with --yes does not ask', async () => {
    expect(await atTerminal('yes')).toMatchObject({ status: 0 })
    expect(await exported('--section', 'clients')).toContain('client_id: app')
    await clear()
    const unasked = await atTerminal('no', ['--yes'])
    expect(unasked.stderr).not.toContain('Make these changes?')
    expect(unasked.stdout).toContain('created client app')
  })

  it('apply does not overwrite a record that another administrator has changed since the plan', async () => {
    await apply(fileWith(client('app')))
    const answered = await atTerminal('yes', [], async () => {
      await registry.administer('client', 'update', 'app', '--name', 'Renamed')
    })
    expect(answered.status).toBe(1)
    expect(answered.stderr).toContain('error: client app has changed since the plan was made\n')
    expect(await exported('--section', 'clients')).toContain('name: Renamed')
  })
})
