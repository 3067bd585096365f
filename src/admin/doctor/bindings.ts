/** Are the two workers bound to what they need, as wrangler.toml says, and does it answer? */

import { setTimeout as wait } from 'node:timers/promises'
import { randomText } from '../../crypto/random.ts'
import { deployProblems } from '../../operate/deploy.ts'
import type { WranglerConfig } from '../../operate/wrangler-config.ts'
import type { TextNamespace } from '../../stores/database.ts'
import { writesAndReads } from '../../stores/deployment.ts'
import { temporaryId } from '../../stores/temporary-subjects.ts'
import { type Check, type Finding, fail, look, ok, type Verdict } from './finding.ts'
import type { Patient } from './patient.ts'

const NEEDED = {
  registry: ['DB', 'SESSIONS', 'CODES', 'LOGIN_LIMIT', 'REFUSAL_LIMIT'],
  authenticator: ['SESSIONS'],
} as const
const CONFIGURATION: Check = {
  name: 'bindings',
  seconds: 5,
  toDo: 'Put it right in wrangler.toml or src/authenticator/wrangler.toml, then npm run deploy.',
}
const D1: Check = {
  name: 'd1',
  seconds: 15,
  toDo: "Registry answers 503 until D1 does: see Cloudflare's status page, or whether npm start runs.",
}
const KV: Check = {
  name: 'kv',
  seconds: 30,
  toDo: "Registry answers 503 until KV does: see Cloudflare's status page, or whether npm start runs.",
}
const MIN_TTL_SECONDS = 60
const READ_AGAIN_MS = 500

const namesIn = (config: WranglerConfig): readonly string[] => [
  ...[...config.d1_databases, ...config.kv_namespaces].map(({ binding }) => binding),
  ...config.ratelimits.map(({ name }) => name),
]
const namespaceIn = (config: WranglerConfig) =>
  config.kv_namespaces.find(({ binding }) => binding === 'SESSIONS')?.id

function configurationProblems({ registry, authenticator, isDeployed }: Patient): string[] {
  const missing = (['registry', 'authenticator'] as const).flatMap((worker) => {
    const bound = namesIn(worker === 'registry' ? registry : authenticator)
    return NEEDED[worker]
      .filter((name) => !bound.includes(name))
      .map((name) => `the ${worker} does not bind ${name}`)
  })
  const isOneStore = namespaceIn(registry) === namespaceIn(authenticator)
  return [
    ...missing,
    ...(isOneStore ? [] : ['the two workers bind different namespaces as SESSIONS']),
    ...(registry.triggers.crons.length > 0 ? [] : ['the registry has no cron trigger']),
    ...(isDeployed ? deployProblems(registry, authenticator) : []),
  ]
}

export const examineConfiguration = (patient: Patient): Promise<Finding> =>
  look(CONFIGURATION, async () => {
    const problems = configurationProblems(patient)
    return problems.length === 0
      ? ok(
          `the registry binds ${NEEDED.registry.join(', ')} and a cron; the authenticator the same SESSIONS`,
        )
      : fail(problems.join('; '), CONFIGURATION.toDo)
  })

export const examineD1 = ({ storage }: Patient): Promise<Finding> =>
  look(D1, async () =>
    (await writesAndReads(storage.db, temporaryId()))
      ? ok('D1 writes and reads')
      : fail('D1 does not read what it has written', D1.toDo),
  )

/** A read may lag a write. */
async function keeps(namespace: TextNamespace): Promise<boolean> {
  const key = temporaryId()
  const value = randomText()
  await namespace.put(key, value, { expirationTtl: MIN_TTL_SECONDS })
  try {
    for (let tries = 0; tries < 20; tries++) {
      if ((await namespace.get(key)) === value) return true
      await wait(READ_AGAIN_MS)
    }
    return false
  } finally {
    await namespace.delete(key)
  }
}

export const examineKv = ({ storage }: Patient): Promise<Finding> =>
  look(KV, async (): Promise<Verdict> => {
    const [sessions, codes] = await Promise.all([keeps(storage.sessions), keeps(storage.codes)])
    if (sessions && codes) return ok('SESSIONS and CODES write, read and delete')
    return fail(`${sessions ? 'CODES' : 'SESSIONS'} does not read what it has written`, KV.toDo)
  })
