/** A client, a user, and scopes for trying the registry, put into an empty database and shown again at every start. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hexDigest } from '../crypto/digest.ts'
import { hashPassword, passwordMatches } from '../crypto/password.ts'
import { randomId, randomText } from '../crypto/random.ts'
import { mintToken } from '../crypto/token.ts'
import { isEnabled, liveCredentials } from '../domain/client.ts'
import { clientFields } from '../domain/registration.ts'
import { clientReader } from '../stores/client-registry.ts'
import { insertClient } from '../stores/client-statements.ts'
import type { Database } from '../stores/database.ts'
import { type CatalogueFile, declareStatements } from '../stores/scope-statements.ts'
import { insertUser } from '../stores/user-statements.ts'
import { userStore } from '../stores/users.ts'
import { readIfPresent, writePrivateFile } from './files.ts'
import { COMMAND_LINE_ID, OPERATOR_ID } from './operators.ts'
import { inProject } from './project.ts'

export type Demo = Readonly<{
  clientId: string
  clientSecret: string
  username: string
  password: string
}>

export const DEMO_REDIRECT_URI = 'http://127.0.0.1:5000/callback'
export const DEMO_SCOPES = [
  'public:read',
  'submission:create',
  'submission:read',
  'upload:read_logs',
] as const
const USERNAME = 'demo'
/** The clients of operators do not count, because every state has them. */
const IS_EMPTY = `SELECT NOT EXISTS (SELECT 1 FROM client WHERE client_id NOT IN ('${OPERATOR_ID}', '${COMMAND_LINE_ID}'))
  AND NOT EXISTS (SELECT 1 FROM user) AS empty`

const fileIn = (stateDir: string) => join(stateDir, 'demo.json')

/** The file with the sentences of the demo's scopes. */
const CATALOGUE = inProject('examples/arxiv-scopes.json')
const IS_NOTHING_DECLARED = `SELECT NOT EXISTS (SELECT 1 FROM scope) AND NOT EXISTS (SELECT 1 FROM category) AS empty`

async function declareExamples(db: Database, now: number) {
  if (!(await db.prepare(IS_NOTHING_DECLARED).first<number>('empty'))) return
  const file = JSON.parse(await readFile(CATALOGUE, 'utf8')) as CatalogueFile
  await db.batch(declareStatements(db, file, now))
}

async function seed(db: Database, stateDir: string, now: number): Promise<Demo> {
  await declareExamples(db, now)
  const clientSecret = mintToken('clientSecret')
  const password = randomText().slice(0, 16)
  const clientId = randomId()
  const client = {
    clientId,
    fields: clientFields({
      name: 'Demo client',
      ownerId: USERNAME,
      url: 'http://127.0.0.1:5000/',
      description: 'A client to try the registry with.',
    }),
    lists: {
      redirectUris: [DEMO_REDIRECT_URI],
      grantTypes: ['client_credentials', 'authorization_code', 'refresh_token'],
      scopes: DEMO_SCOPES,
      endorsements: ['cs.*'],
    },
    mode: 'authorize' as const,
    secretDigest: await hexDigest(clientSecret),
  }
  await db.batch(insertClient(db, client, now))
  const demo = { clientId, clientSecret, username: USERNAME, password }
  await writePrivateFile(fileIn(stateDir), JSON.stringify(demo))
  const user = {
    userId: randomId(),
    username: USERNAME,
    email: 'demo@example.org',
    passwordHash: await hashPassword(password),
    scopes: DEMO_SCOPES,
    endorsements: ['cs.DL', 'math.*'],
  }
  await db.batch(insertUser(db, user, now))
  return demo
}

/** Is the demo unchanged? A demo that the administrator has changed must not be shown as working. */
async function stillWorks(db: Database, demo: Demo, now: number): Promise<boolean> {
  const client = await clientReader(db).find(demo.clientId)
  const found = await userStore(db).findByUsername(demo.username)
  if (!client || !isEnabled(client) || !found || !isEnabled(found.user)) return false
  const digest = await hexDigest(demo.clientSecret)
  return (
    liveCredentials(client, now).some(({ secretDigest }) => secretDigest === digest) &&
    (await passwordMatches(demo.password, found.passwordHash))
  )
}

/** Null if nothing was seeded here, or if the demo no longer works as it was seeded. `now` in epoch seconds. */
export async function prepareDemo(
  db: Database,
  stateDir: string,
  now: number,
): Promise<Demo | null> {
  if (await db.prepare(IS_EMPTY).first<number>('empty')) return seed(db, stateDir, now)
  const kept = await readIfPresent(fileIn(stateDir))
  const demo = kept === null ? null : (JSON.parse(kept) as Demo)
  return demo && (await stillWorks(db, demo, now)) ? demo : null
}
