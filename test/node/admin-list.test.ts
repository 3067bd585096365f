/** `client list` and `user list`: any number of rows in one document, read page by page. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.ts'
import { inProject } from '../../src/local/project.ts'
import { commandLine, type ServedState, servedState, temporaryDirectory } from './command-line.ts'
import { fill, IDS, idsIn, MANY, NOUNS } from './many-records.ts'
import { runProgram } from './project-programs.ts'
import { type RegistryFront, registryFront } from './registry-front.ts'

const PAGE_ROWS = 200
const idsInText = (stdout: string) => [...stdout.matchAll(/^(id-\S+) /gm)].map(([, id]) => id)

let state: ServedState
/** A remote registry that delays every page except the first until `letGo`. */
let front: RegistryFront
let home = ''
let remoteEnv: Record<string, string> = {}
const asked = () => front.box.seen.length
let letGo = () => {}

beforeAll(async () => {
  state = await servedState()
  front = await registryFront(() => state.registryUrl)
  home = await temporaryDirectory()
  const create = [
    'client',
    'create',
    '--name',
    'Machine',
    '--owner',
    'o',
    '--scope',
    'registry:read',
  ]
  const machine = await state.json<{ client_id: string; client_secret: string }>(create)
  remoteEnv = {
    ISSUER: front.url,
    XDG_CONFIG_HOME: home,
    REGISTRY_CLIENT_ID: machine.client_id,
    REGISTRY_CLIENT_SECRET: machine.client_secret,
  }
  // This command caches its token for the commands after it.
  await commandLine(['audit', '--limit', '1', '--remote'], { env: remoteEnv })
  await state.database.prepare('DELETE FROM client').run()
  await fill(state.database)
})
afterAll(async () => {
  await front.close()
  await state.close()
  await rm(home, { recursive: true, force: true })
})
beforeEach(() => {
  front.box.seen = []
  const isLetGo = new Promise<void>((resolve) => {
    letGo = resolve
  })
  front.box.spoil = async () => {
    if (asked() > 1) await isLetGo
    return null
  }
})

describe.each(NOUNS)('%s list', (noun) => {
  it.each([
    { form: 'JSON', words: ['--json'], read: idsIn },
    { form: 'text', words: [], read: idsInText },
  ])(
    'a list prints its first page before it reads the second, as $form',
    async ({ words, read }) => {
      const listing = runProgram('src/cli/main.ts', [noun, 'list', '--remote', ...words], remoteEnv)
      // A list that reads all pages before it prints would wait forever here.
      await once(listing.child.stdout ?? listing.child, 'data')
      expect(asked()).toBeLessThanOrEqual(2)
      expect(listing.said().stdout).toContain(IDS[0])
      letGo()
      expect(await listing.ended).toBe(0)
      const { stdout, stderr } = listing.said()
      expect(stderr).toBe('')
      expect(read(stdout)).toEqual(IDS)
    },
  )

  it('a list requests a page only after its reader has consumed the previous page', async () => {
    letGo()
    const askedWhenRead: number[] = []
    const write = (_text: string, done?: () => void) => {
      // This request takes longer than an early request for a page would.
      void fetch(`${state.registryUrl}/healthz`).then(() => {
        askedWhenRead.push(asked())
        done?.()
      })
    }
    const io = { stdout: { write }, stderr: { write: () => {} }, stdin: (async function* () {})() }
    expect(await run([noun, 'list', '--remote'], { ...io, env: remoteEnv })).toBe(0)
    const pages = MANY / PAGE_ROWS
    expect(askedWhenRead.slice(0, pages)).toEqual(Array.from({ length: pages }, (_, i) => i + 1))
  })

  it('a list stops without an error when its reader closes the pipe', async () => {
    letGo()
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      [
        '-c',
        `"$0" "$1" ${noun} list --json --remote | head -n 2; echo "\${PIPESTATUS[@]}"`,
        process.execPath,
        inProject('src/cli/main.ts'),
      ],
      { env: { ...process.env, ...remoteEnv } },
    )
    const [first = '', second = '', ends] = stdout.split('\n')
    expect(idsIn(`${first}${second.replace(/,$/, '')}]`)).toEqual(IDS.slice(0, 2))
    expect([ends, stderr]).toEqual(['0 0', ''])
    expect(asked()).toBeLessThan(MANY / PAGE_ROWS)
  })

  it('a list with --after begins after that record, and with --limit prints at most that many', async () => {
    const seen: (string | undefined)[] = []
    for (const length of [900, 900, 900, 300, 0]) {
      const words = [noun, 'list', '--limit', '900', '--after', seen.at(-1) ?? '', '--json']
      const { stdout } = await state.admin(words)
      const ids = idsIn(stdout)
      expect(ids).toHaveLength(length)
      seen.push(...ids)
    }
    expect(seen).toEqual(IDS)
  })

  it('an empty list is printed as "none", or as an empty list in JSON', async () => {
    const words = [noun, 'list', '--after', 'z']
    expect(await state.admin(words)).toEqual({ status: 0, stdout: 'none\n', stderr: '' })
    expect((await state.admin([...words, '--json'])).stdout).toBe('[]\n')
  })

  it.each(['0', '-1', '1.5', 'all', ''])('a list refuses --limit %j', async (limit) => {
    expect(await state.admin([noun, 'list', `--limit=${limit}`])).toEqual({
      status: 1,
      stdout: '',
      stderr: `error: --limit ${JSON.stringify(limit)} is not a whole number, one or more\n`,
    })
  })
})
