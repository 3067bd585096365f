/** `npm start`, and the command line on its state. */

import { decodeJwt } from 'jose'
import { DEMO_SCOPES, type Demo } from '../../src/local/demo.ts'
import { commandLine } from '../node/command-line.ts'
import { startRegistry as startRunning } from '../node/running-registry.ts'
import { databaseIn } from '../node/state-database.ts'
import type { ClientKeys } from './client-app.ts'

export type Person = Readonly<{ username: string; password: string }>

export type Registry = Readonly<{
  url: string
  demo: Demo
  /** The command line with `--json`. Throws the text on stderr. */
  admin: (...words: string[]) => Promise<Record<string, unknown>>
  registerClient: (given: NewClient) => Promise<ClientKeys>
  registerUser: (given: NewUser) => Promise<Person>
  /** Writes clients without secrets and permissions to the database in one transaction. */
  addClients: (
    clients: readonly Readonly<{ client_id: string; name: string; owner_id: string }>[],
  ) => Promise<void>
  /** Runs the statement for each row, on the database of the running registry. */
  insert: (sql: string, rows: readonly (readonly (string | number)[])[]) => Promise<void>
  /** The number of codes and remembered consents of this client. */
  grantsTo: (clientId: string) => Promise<Grants>
  /** The claims of the authenticator's JWT for this access token. */
  sessionOf: (token: string) => Promise<SessionClaims>
  end: () => Promise<void>
}>

export type Grants = Readonly<{ codes: number; consents: number }>
export type SessionClaims = Readonly<{
  user: Readonly<{ username: string }>
  authorizations: Readonly<{ scopes: string[]; endorsements: string[] }>
}>

type NewClient = Readonly<{
  redirectUris: readonly string[]
  name?: string
  scopes?: readonly string[]
  /** Further options of the command line. */
  more?: readonly string[]
}>
type NewUser = Readonly<{ username: string; scopes?: readonly string[] }>

const PASSWORD = 'correct horse battery'
const GRANTS = `SELECT
  (SELECT count(*) FROM authorization_code WHERE client_id = ?1) AS codes,
  (SELECT count(*) FROM consent WHERE client_id = ?1) AS consents`

const repeated = (option: string, values: readonly string[]) =>
  values.flatMap((value) => [option, value])

const registering = (admin: Registry['admin']) => ({
  async registerClient({ redirectUris, name = 'Test client', scopes, more = [] }: NewClient) {
    const made = await admin(
      ...['client', 'create', '--name', name, '--owner', 'u-17'],
      ...['--grant-type', 'authorization_code'],
      ...repeated('--redirect-uri', redirectUris),
      ...repeated('--scope', scopes ?? ['submission:create', 'submission:read']),
      ...more,
    )
    return {
      clientId: String(made.client_id),
      clientSecret: made.client_secret === undefined ? null : String(made.client_secret),
    }
  },
  async registerUser({ username, scopes = DEMO_SCOPES }: NewUser) {
    await admin(
      ...['user', 'create', '--username', username, '--email', `${username}@example.org`],
      ...repeated('--scope', scopes),
      ...['--password', PASSWORD],
    )
    return { username, password: PASSWORD }
  },
})

/** Resolves when the registry serves. The caller ends it. `settings`: the environment of `npm start`. */
export async function startRegistry(
  settings: Readonly<Record<string, string>> = {},
): Promise<Registry> {
  const { registry, authenticator, stateDir, demo, end } = await startRunning(settings)
  const env = { STATE_DIR: stateDir }
  const admin: Registry['admin'] = async (...words) => {
    const { status, stdout, stderr } = await commandLine([...words, '--json'], { env })
    if (status !== 0) throw new Error(`admin ${words.join(' ')}: ${stderr}`)
    return JSON.parse(stdout) as Record<string, unknown>
  }
  return {
    url: registry,
    demo,
    admin,
    ...registering(admin),
    async addClients(clients) {
      const db = databaseIn(stateDir)
      const insert = db.prepare(
        'INSERT INTO client (client_id, name, owner_id, created_at, updated_at) VALUES (?1, ?2, ?3, 1, 1)',
      )
      for (const { client_id, name, owner_id } of clients) {
        await insert.bind(client_id, name, owner_id).run()
      }
      db.close()
    },
    async insert(sql, rows) {
      const db = databaseIn(stateDir)
      for (const row of rows)
        await db
          .prepare(sql)
          .bind(...row)
          .run()
      db.close()
    },
    async grantsTo(clientId) {
      const db = databaseIn(stateDir)
      const counted = await db.prepare(GRANTS).bind(clientId).first<Grants>()
      db.close()
      return counted ?? { codes: 0, consents: 0 }
    },
    async sessionOf(token) {
      const headers = { Authorization: `Bearer ${token}` }
      const answer = await fetch(`${authenticator}/auth`, { headers })
      if (answer.status !== 200) throw new Error(`/auth: ${answer.status} ${await answer.text()}`)
      return decodeJwt<SessionClaims>(answer.headers.get('Authorization') ?? '')
    },
    end,
  }
}
