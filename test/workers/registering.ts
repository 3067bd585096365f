/** Changes by administrators on the storage of the tests, through the flows of `flows/registration`. */

import { env } from 'cloudflare:workers'
import type { ClientFields } from '../../src/domain/client.ts'
import { clientFields } from '../../src/domain/registration.ts'
import { ADMIN_SCOPE } from '../../src/domain/registry-scopes.ts'
import type { Act } from '../../src/flows/registration/change.ts'
import { findClient, updateClient } from '../../src/flows/registration/clients.ts'
import { updateUser } from '../../src/flows/registration/users.ts'
import type {
  GivenClientChange,
  GivenNewClient,
} from '../../src/protocol/registration/client-fields.ts'
import type { RegistrationErrorKind } from '../../src/protocol/registration/errors.ts'
import { RegistrationError } from '../../src/protocol/registration/errors.ts'
import type { GivenNewUser } from '../../src/protocol/registration/user-fields.ts'
import { registrationPorts } from '../../src/stores/registration.ts'
import type { UserReference } from '../../src/stores/registration-ports.ts'
import { nowSeconds } from './registry.ts'

const LIFETIMES = {
  sessionLifetimeSeconds: 7200,
  longestSessionSeconds: 7200,
  oldestClientSeconds: 300,
}

type Storage = Readonly<{ DB?: D1Database; SESSIONS?: KVNamespace }>

export const portsOn = ({ DB = env.DB, SESSIONS = env.SESSIONS }: Storage = {}) =>
  registrationPorts(DB, SESSIONS, LIFETIMES)

export const actBy = (scopes: readonly string[], ports = portsOn()): Act => ({
  actor: { name: 'client:tests', scopes },
  now: nowSeconds(),
  ports,
})
export const actOn = (storage: Storage) => actBy([ADMIN_SCOPE], portsOn(storage))
export const admin = () => actBy([ADMIN_SCOPE])

export const NO_CHANGE = { fields: {}, lists: {}, isDisabled: undefined } as const

/** An administrator's update of a client: `mode` is `authorize` unless given. */
export const changeClient = (id: string, change: Partial<GivenClientChange>) =>
  updateClient(admin(), id, { ...NO_CHANGE, mode: 'authorize', ...change })

export const recordOf = (id: string) => findClient(admin(), id)

/** The permissions of a client and the decisions on them, each sorted. */
export async function statesOf(id: string) {
  const { permissions, decisions } = await recordOf(id)
  const valuesOf = (isAuthorized: boolean) =>
    permissions
      .filter(({ authorizedAt }) => (authorizedAt !== null) === isAuthorized)
      .map(({ value }) => value)
      .sort()
  return {
    requested: valuesOf(false),
    authorized: valuesOf(true),
    decided: decisions.map(({ value, decision, reason }) => [value, decision, reason]).sort(),
  }
}

const setState = (isDisabled: boolean) => (act: Act, who: UserReference) =>
  updateUser(act, who, { fields: {}, lists: {}, isDisabled })
export const disableUser = setState(true)
export const enableUser = setState(false)

let made = 0
export const chosenId = () => {
  made += 1
  return `chosen-${made}`
}

export const givenClient = (
  more: Partial<Omit<GivenNewClient, 'fields'>> & { fields?: Partial<ClientFields> } = {},
): GivenNewClient => ({
  clientId: null,
  mode: 'authorize',
  lists: { redirectUris: ['https://app.example/cb'], scopes: ['a:b', 'c:d'] },
  ...more,
  fields: clientFields({ name: 'App', ownerId: 'o', ...more.fields }),
})

/** Without a password, which would take a quarter of a second to hash. */
export function givenUser(more: Partial<GivenNewUser> = {}): GivenNewUser {
  made += 1
  return {
    userId: null,
    password: null,
    fields: { username: `registered${made}`, email: 'r@example.org' },
    lists: { scopes: ['a:b', 'c:d'], endorsements: ['cs.*'] },
    ...more,
  }
}

/** Every row of every table. */
export async function everything(): Promise<Record<string, unknown[]>> {
  const tables = await env.DB.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '\\_%' ESCAPE '\\'
     ORDER BY name`,
  ).all<{ name: string }>()
  const names = tables.results.map(({ name }) => name)
  const rows = await env.DB.batch(names.map((name) => env.DB.prepare(`SELECT * FROM "${name}"`)))
  return Object.fromEntries(names.map((name, index) => [name, rows[index]?.results ?? []]))
}

/** `everything` without the records of refusals, which a refused request may write. */
export const everythingButRefusals = async () => ({ ...(await everything()), refusal: [] })

export const auditOf = async (column: 'client_id' | 'user_id', id: string) =>
  (
    await env.DB.prepare(`SELECT event FROM audit WHERE ${column} = ?1 ORDER BY audit_id`)
      .bind(id)
      .all<{ event: string }>()
  ).results.map(({ event }) => event)

/** The kind of the refusal; null if the change was made. Other errors are thrown. */
export async function refusedAs(work: Promise<unknown>): Promise<RegistrationErrorKind | null> {
  try {
    await work
    return null
  } catch (fault) {
    if (fault instanceof RegistrationError) return fault.kind
    throw fault
  }
}
