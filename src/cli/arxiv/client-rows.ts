/** Turns a client of the original registry into the row of `imports`, or says why it cannot be imported. */

import type * as z from 'zod/mini'
import { redirectUriProblem } from '../../domain/registration.ts'
import { hasRegistryScope } from '../../domain/registry-scopes.ts'
import { CLIENT_FIELDS, grantTypeSchema } from '../../protocol/registration/client-fields.ts'
import {
  CLIENT_IMPORT,
  type ClientImport,
  secretDigestSchema,
} from '../../protocol/registration/client-import.ts'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import { requireValid, type Schema } from '../../protocol/registration/field.ts'
import { idSchema, scopeSchema } from '../../protocol/registration/shared-fields.ts'
import type { StagedClient, StagedRow } from './staging.ts'
import { type BadRow, badRow } from './tables.ts'

/** `owner`: of clients that name none; null leaves them out. `now`: the date where one is missing, in ISO 8601. */
export type Rules = Readonly<{ owner: string | null; now: string }>

type Permission = ClientImport['permissions'][number]

class BadValue extends Error {
  readonly field: string | null
  constructor(field: string | null, rule: string) {
    super(rule)
    this.field = field
  }
}

/** Throws a BadValue. */
function check<T>(schema: z.ZodMiniType<T>, value: unknown, field?: string): T {
  try {
    return requireValid(schema, value, field)
  } catch (fault) {
    if (!(fault instanceof RegistrationError)) throw fault
    // The name is left out, because the report names the field already.
    const rule = fault.in({ nameOf: () => '', empty: '""' }).trim()
    throw new BadValue(fault.field, rule)
  }
}

type Values = StagedRow['values']

/** The text of a column, which is empty for NULL. Throws a BadValue. */
const textOf = (values: Values, column: string, schema: Schema) =>
  check(schema, values[column] ?? '', column) as string

const DATE = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d)(?::(\d\d)(?:\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$/

/** The original registry wrote instants without a time zone, so they are read as UTC. Null for NULL. Throws a BadValue. */
function instantOf(values: Values, column: string): string | null {
  const value = values[column] || null
  if (value === null) return null
  const [, date, minutes = '00:00', seconds = '00', zone = 'Z'] = DATE.exec(value) ?? []
  // JavaScript would read the 30th of February as the 2nd of March.
  const isDate = date !== undefined && new Date(`${date}T00:00:00Z`).toJSON()?.startsWith(date)
  const epochMs = isDate ? Date.parse(`${date}T${minutes}:${seconds}${zone}`) : Number.NaN
  if (epochMs >= 0) return new Date(epochMs).toISOString()
  throw new BadValue(column, `${JSON.stringify(value)} is not a date such as 2018-03-01 12:00:00`)
}

/** Returns what `read` makes of the row's values; undefined if a fault was reported. */
function tryRow<T>(
  row: StagedRow,
  report: (bad: BadRow) => void,
  read: (values: Values) => T,
): T | undefined {
  try {
    return read(row.values)
  } catch (fault) {
    if (!(fault instanceof BadValue)) throw fault
    report(badRow(row, fault.field, fault.message))
    return undefined
  }
}

type Fields = Pick<ClientImport, 'client_id' | 'redirect_uris' | 'created_at'> &
  Readonly<Record<string, unknown>>

function fieldsOf(given: Values, { owner, now }: Rules): Fields {
  const values: Values = { ...given, owner_id: given.owner_id || owner }
  const redirectUris = values.redirect_uri ? [values.redirect_uri] : []
  for (const uri of redirectUris) {
    const problem = redirectUriProblem(uri, false)
    if (problem) throw new BadValue('redirect_uri', `${JSON.stringify(uri)} ${problem}`)
  }
  return {
    client_id: textOf(values, 'client_id', idSchema()),
    name: textOf(values, 'name', CLIENT_FIELDS.name.schema),
    owner_id: textOf(values, 'owner_id', CLIENT_FIELDS.ownerId.schema),
    url: textOf(values, 'url', CLIENT_FIELDS.url.schema),
    description: textOf(values, 'description', CLIENT_FIELDS.description.schema),
    // The original registry has only this method.
    auth_method: 'client_secret_post',
    redirect_uris: redirectUris,
    created_at: instantOf(values, 'created') ?? now,
  }
}

const scopeOf = (values: Values) => {
  const scope = textOf(values, 'scope', scopeSchema)
  if (!hasRegistryScope([scope])) return scope
  throw new BadValue('scope', `${JSON.stringify(scope)} would administer this registry`)
}

function grantTypeOf(values: Values, { redirect_uris }: Fields) {
  const grantType = textOf(values, 'grant_type', grantTypeSchema)
  if (grantType !== 'authorization_code' || redirect_uris.length !== 0) return grantType
  throw new BadValue(
    'grant_type',
    'authorization_code needs a redirect URI, and the client has none',
  )
}

const earlier = <Instant extends string | null>(one: Instant, other: Instant) =>
  one !== null && (other === null || one < other) ? one : other

/** Several rows of the original may concern one permission: each date is the earliest of theirs. */
function merged(permissions: readonly Permission[]): Permission[] {
  const byValue = new Map<string, Permission>()
  for (const one of permissions) {
    const name = `${one.kind} ${one.value}`
    const other = byValue.get(name) ?? one
    byValue.set(name, {
      ...one,
      requested_at: earlier(one.requested_at, other.requested_at),
      authorized_at: earlier(one.authorized_at, other.authorized_at),
    })
  }
  return [...byValue.values()]
}

/** The original registry used one secret of a client, the first. */
function credentialsOf(
  [first, ...others]: readonly StagedRow[],
  fields: Fields,
  report: (bad: BadRow) => void,
): ClientImport['credentials'] {
  if (!first) return []
  for (const other of others) {
    const rule = `is that of credential_id ${first.key}, the secret that the original used`
    report(badRow(other, 'client_id', rule))
  }
  const credential = tryRow(first, report, (values) => ({
    secret_digest: check(
      secretDigestSchema(),
      values.client_secret?.toLowerCase() ?? '',
      'client_secret',
    ),
    created_at: instantOf(values, 'created') ?? fields.created_at,
  }))
  return credential ? [credential] : []
}

/** Null if the client cannot be imported. Every row that is left out is reported, except the rows of such a client. */
export function importRow(
  staged: StagedClient,
  rules: Rules,
  report: (bad: BadRow) => void,
): ClientImport | null {
  const fields = tryRow(staged.client[0], report, (values) => fieldsOf(values, rules))
  if (!fields) return null
  const datesOf = (values: Values) => {
    const authorized = instantOf(values, 'authorized')
    const requested = instantOf(values, 'requested')
    return {
      requested_at: requested ?? authorized ?? fields.created_at,
      authorized_at: authorized,
    }
  }
  const permissionsOf = <Kind extends Permission['kind']>(
    rows: readonly StagedRow[],
    kind: Kind,
    read: (values: Values) => string,
  ) =>
    rows.flatMap((row) => {
      const make = (values: Values) => ({ kind, value: read(values), ...datesOf(values) })
      return tryRow(row, report, make) ?? []
    })
  const permissions = [
    ...permissionsOf(staged.client_authorization, 'scope', scopeOf),
    ...permissionsOf(staged.client_grant_type, 'grant_type', (values) =>
      grantTypeOf(values, fields),
    ),
  ]
  const row = {
    ...fields,
    permissions: merged(permissions),
    credentials: credentialsOf(staged.client_credential, fields, report),
  }
  // Each value is valid by itself, but there may be too many values.
  const isSound = tryRow(staged.client[0], report, () => check(CLIENT_IMPORT, row))
  return isSound ? row : null
}
