/** `npm start` on an existing state, and with other settings. */

import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createKeys, formatKeys } from '../../src/crypto/key-rotation.ts'
import { publicKeys, readSigningKeys } from '../../src/crypto/signing-keys.ts'
import { COMMAND_LINE_ID, OPERATOR_ID } from '../../src/local/operators.ts'
import { runAdmin, startRegistry } from './project-programs.ts'
import {
  type Env,
  env,
  freshEnv,
  printed,
  refusedStart,
  restart,
  running,
  useStart,
} from './starting.ts'

describe('a second start', () => {
  useStart()

  it('npm start keeps its signing keys for the next start, makes their file readable only by its owner, and replaces an invalid file', async () => {
    const file = join(env.STATE_DIR ?? '', 'signing-keys.json')
    const published = async () => (await fetch(`http://127.0.0.1:${env.PORT}/jwks.json`)).json()
    const first = await published()
    expect(first).toEqual(await publicKeys(readSigningKeys(await readFile(file, 'utf8'))))
    await chmod(file, 0o644)
    await restart()
    expect(await published()).toEqual(first)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(running.said().stderr).toBe('')

    const kept = await readFile(file, 'utf8')
    await writeFile(file, kept.slice(0, 100))
    await restart()
    expect(await published()).not.toEqual(first)
    expect(running.said().stderr).toBe(`note: ${file} is replaced: its keys cannot be used\n`)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('npm start does not print a demo secret that has been rotated', async () => {
    const id = printed(running.said().stdout, /(?<=Demo client +)\S+/)
    expect((await runAdmin(['client', 'rotate-secret', id], env)).status).toBe(0)
    await restart()
    expect(running.said().stdout).not.toMatch(/Demo|regs_/)
  })
})

it('npm start with DEMO=0 creates no demo, and the command line ignores a stale announcement', async () => {
  const env: Env = { ...(await freshEnv()), DEMO: '0', ISSUER: 'https://issuer.example' }
  const running = await startRegistry(env)
  try {
    expect(running.said().stdout).not.toContain('Demo')
    expect(running.said().stdout).toContain('https://issuer.example')
  } finally {
    expect(await running.stop()).toBe(0)
  }
  const stale = JSON.stringify({ registryUrl: 'http://127.0.0.1:9', pid: 2 ** 22 + 1 })
  await writeFile(join(env.STATE_DIR ?? '', 'admin.json'), stale)
  const { status, stdout } = await runAdmin(['client', 'list', '--json'], env)
  const ids = (JSON.parse(stdout) as { client_id: string }[]).map(({ client_id }) => client_id)
  expect([status, ids]).toEqual([0, [COMMAND_LINE_ID, OPERATOR_ID]])
})

it('npm start refuses keys of the registry for the authenticator, and keys that cannot sign, with an error that names the setting without its value', async () => {
  const [one, other] = [await createKeys('ES256', 0), await createKeys('ES256', 0)]
  const keys = await formatKeys(one)
  const mixed = JSON.stringify({ keys: [{ ...one[0], d: other[0].d }] })
  for (const [settings, problem] of [
    [
      { SIGNING_KEYS: keys, AUTHENTICATOR_KEYS: keys },
      'AUTHENTICATOR_KEYS: must not have a key of SIGNING_KEYS',
    ],
    [
      { SIGNING_KEYS: mixed },
      'SIGNING_KEYS: key 1 cannot sign: its public and its private part do not fit together',
    ],
    [
      { AUTHENTICATOR_KEYS: '{}' },
      'AUTHENTICATOR_KEYS: must be a JWK Set: an object with a list of keys',
    ],
  ] as const) {
    const { status, stdout, stderr } = await refusedStart({ ...(await freshEnv()), ...settings })
    expect([status, stdout, stderr]).toEqual([1, '', `${problem}\n`])
  }
})
