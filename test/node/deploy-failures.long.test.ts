/** `npm run deploy` fails at each step in turn, and continues from there in a second run. */

import { expect, it } from 'vitest'
import { refuse } from './deploy-stand-ins.ts'
import {
  cloud,
  expectAdministers,
  expectDeployed,
  operator,
  operatorsInDatabase,
  run,
  useAccount,
  WORDS,
} from './deployment.ts'
import type { Asked } from './doctor-stand-ins.ts'

useAccount()

const failing =
  (start: string, failsAfterwards = false) =>
  () =>
    cloud.write((account) => Object.assign(account, { failing: start, failsAfterwards }))
const spoiling = (method: string, path: RegExp, how: 'refuse' | 'drop', nth = 1) => {
  return async () => {
    let seen = 0
    cloud.box.spoil = (asked: Asked) => {
      if (asked.method !== method || !path.test(asked.path)) return null
      seen += 1
      if (seen !== nth) return null
      return how === 'drop' ? 'drop' : refuse(500, 'Out of order')
    }
  }
}

const EXECUTE = 'd1 execute DB --remote --json --command'
const MANAGEMENT = 'src/management/wrangler.toml'
const AUTHENTICATOR = 'src/authenticator/wrangler.toml'

it.each<[step: string, what: string, fail: () => Promise<void>]>([
  ['sign-in', 'no user is signed in', failing('auth token')],
  ['sign-in', 'the accounts cannot be listed', spoiling('GET', /\/accounts\?/, 'refuse')],
  ['plan', 'the plan cannot be read', spoiling('GET', /\/subscriptions$/, 'refuse')],
  ['addresses', 'the zones cannot be listed', spoiling('GET', /^\/zones\?/, 'refuse')],
  ['addresses', 'the domains cannot be listed', spoiling('GET', /\/domains\?/, 'refuse')],
  ['addresses', 'DNS cannot be read', spoiling('GET', /dns_records/, 'refuse')],
  ['database', 'the databases cannot be listed', spoiling('GET', /d1\/database\?/, 'refuse')],
  ['database', 'the database cannot be created', spoiling('POST', /d1\/database$/, 'refuse')],
  ['database', 'the answer to its creation is lost', spoiling('POST', /d1\/database$/, 'drop')],
  ['namespaces', 'they cannot be listed', spoiling('GET', /namespaces\?/, 'refuse', 2)],
  ['namespaces', 'the first cannot be created', spoiling('POST', /namespaces$/, 'refuse')],
  ['namespaces', 'the second cannot be created', spoiling('POST', /namespaces$/, 'refuse', 2)],
  ['namespaces', 'the answer to its creation is lost', spoiling('POST', /namespaces$/, 'drop', 2)],
  ['migrations', 'the applied ones cannot be listed', failing(`${EXECUTE} CREATE`)],
  ['migrations', 'they cannot be applied', failing('d1 migrations apply')],
  ['operator', 'the operators cannot be counted', failing(`${EXECUTE} SELECT`)],
  ['operator', 'the first cannot be made', failing(`${EXECUTE} INSERT`)],
  ['operator', 'the first is made, and wrangler fails', failing(`${EXECUTE} INSERT`, true)],
  ['secrets', 'they cannot be listed', spoiling('GET', /\/secrets$/, 'refuse')],
  ['secrets', 'SIGNING_KEYS cannot be set', failing('secret put SIGNING_KEYS')],
  ['secrets', 'JWT_SECRET cannot be set', failing('secret put JWT_SECRET')],
  ['secrets', 'PROXY_SECRET cannot be set', failing('secret put PROXY_SECRET')],
  ['management', 'it cannot be deployed', failing(`deploy --config ${MANAGEMENT}`)],
  ['registry', 'it cannot be deployed', failing('deploy --domain auth.')],
  ['authenticator', 'it cannot be deployed', failing(`deploy --config ${AUTHENTICATOR}`)],
  ['migrations', 'they are applied, and wrangler fails', failing('d1 migrations', true)],
  ['secrets', 'SIGNING_KEYS are set, and wrangler fails', failing('secret put SIGNING', true)],
  ['secrets', 'JWT_SECRET is set, and wrangler fails', failing('secret put JWT', true)],
  ['secrets', 'PROXY_SECRET is set, and wrangler fails', failing('secret put PROXY', true)],
  [
    'management',
    'it is deployed, and wrangler fails',
    failing(`deploy --config ${MANAGEMENT}`, true),
  ],
  ['registry', 'it is deployed, and wrangler fails', failing('deploy --domain auth.', true)],
  [
    'authenticator',
    'it is deployed, and wrangler fails',
    failing(`deploy --config ${AUTHENTICATOR}`, true),
  ],
  // The first three such requests list the secrets of the three workers.
  ['doctor', 'a check fails', spoiling('GET', /\/secrets$/, 'refuse', 4)],
])(
  'npm run deploy in a second run continues after a failure at the step %s: %s',
  async (step, _, fail) => {
    await fail()
    const failed = await run(WORDS)
    expect(failed.status, failed.stdout).toBe(1)
    const lines = failed.stderr.trimEnd().split('\n')
    expect(lines.at(-2)).toMatch(new RegExp(`^error: ${step}: `))
    expect(lines.at(-1)).toBe(
      'What was made so far is kept. Run the same command again to continue from here.',
    )
    expect(failed.stdout).not.toContain('Deployed.')
    const { workers: soFar } = await cloud.read()
    cloud.box.spoil = () => null
    await cloud.write((account) => {
      account.failing = null
    })
    const { workers } = await expectDeployed(await run(WORDS))
    // A secret that a service may already use is not replaced.
    for (const worker of ['registry', 'authenticator']) {
      expect(workers[worker]?.secrets).toMatchObject(soFar[worker]?.secrets ?? {})
    }
    // There is one operator, and its credential is in the file.
    expect(operatorsInDatabase()).toEqual([operator().client_id, 'registry-command-line'])
    await expectAdministers()
  },
)
