/** Are the two workers bound to what they need, as wrangler.toml says, and does it answer? */

import { setTimeout as wait } from 'node:timers/promises'
import { randomText } from '../../crypto/random.ts'
import { configurationProblems, deployProblems } from '../../operate/deploy-problems.ts'
import type { TextNamespace } from '../../stores/database.ts'
import { writesAndReads } from '../../stores/deployment.ts'
import { temporaryId } from '../../stores/temporary-subjects.ts'
import { type Check, type Finding, fail, look, ok, type Verdict } from './finding.ts'
import type { Patient } from './patient.ts'

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

export const examineConfiguration = (patient: Patient): Promise<Finding> =>
  look(CONFIGURATION, async () => {
    const problems = patient.isDeployed ? deployProblems(patient) : configurationProblems(patient)
    return problems.length === 0
      ? ok('both workers start with their wrangler.toml: settings, bindings and cron')
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
