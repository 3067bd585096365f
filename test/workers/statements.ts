/** Every statement of the stores by name, and the rule that finds a full table scan in a query plan. */

import * as approvals from '../../src/stores/approvals.ts'
import * as audit from '../../src/stores/audit.ts'
import * as authorizations from '../../src/stores/authorizations.ts'
import * as changeBatch from '../../src/stores/change-batch.ts'
import * as clientApproval from '../../src/stores/client-approval.ts'
import * as clientImport from '../../src/stores/client-import.ts'
import * as clientRecord from '../../src/stores/client-record.ts'
import * as clientStatements from '../../src/stores/client-statements.ts'
import * as clients from '../../src/stores/clients.ts'
import * as codes from '../../src/stores/codes.ts'
import * as connectedApplications from '../../src/stores/connected-applications.ts'

import * as coveredEndorsements from '../../src/stores/covering-sql.ts'
import * as deletions from '../../src/stores/deletions.ts'
import * as directory from '../../src/stores/directory.ts'
import * as documentHostRegistry from '../../src/stores/document-host-registry.ts'
import * as externalUsers from '../../src/stores/external-users.ts'
import * as housekeeping from '../../src/stores/housekeeping.ts'
import { recordOf } from '../../src/stores/housekeeping.ts'
import * as invitations from '../../src/stores/invitations.ts'
import * as knownBrowsers from '../../src/stores/known-browsers.ts'
import * as listingStatements from '../../src/stores/listing-statements.ts'
import * as logos from '../../src/stores/logos.ts'
import * as narrowing from '../../src/stores/narrowing.ts'
import * as ownerStatements from '../../src/stores/owner-statements.ts'
import * as permissionRows from '../../src/stores/permission-rows.ts'
import * as portal from '../../src/stores/portal.ts'
import * as refreshTokens from '../../src/stores/refresh-tokens.ts'
import * as refusals from '../../src/stores/refusals.ts'
import * as registrationCount from '../../src/stores/registration-count.ts'
import * as resourceRegistry from '../../src/stores/resource-registry.ts'
import * as revocationDocument from '../../src/stores/revocation-document.ts'
import * as revocationStatements from '../../src/stores/revocation-statements.ts'
import * as revocations from '../../src/stores/revocations.ts'
import * as scopeCatalogue from '../../src/stores/scope-catalogue.ts'
import * as scopeStatements from '../../src/stores/scope-statements.ts'
import * as selfRegistrations from '../../src/stores/self-registrations.ts'
import * as shownClient from '../../src/stores/shown-client.ts'
import * as signInFailures from '../../src/stores/sign-in-failures.ts'
import { sweepsOf } from '../../src/stores/sweeps.ts'
import * as usedJtis from '../../src/stores/used-jtis.ts'
import * as userRegistry from '../../src/stores/user-registry.ts'
import * as userStatements from '../../src/stores/user-statements.ts'
import * as usernameKeys from '../../src/stores/username-keys.ts'
import * as users from '../../src/stores/users.ts'
import * as waitingClients from '../../src/stores/waiting-clients.ts'
import * as webhookDeliveries from '../../src/stores/webhook-deliveries.ts'

const stores = {
  approvals,
  audit,
  authorizations,
  clientApproval,
  portal,
  clients,
  codes,
  users,
  refreshTokens,
  refusals,
  resourceRegistry,
  revocationDocument,
  revocationStatements,
  revocations,
  connectedApplications,
  clientImport,
  clientRecord,
  changeBatch,
  clientStatements,
  coveredEndorsements,
  deletions,
  directory,
  externalUsers,
  housekeeping,
  invitations,
  knownBrowsers,
  listingStatements,
  logos,
  narrowing,
  ownerStatements,
  permissionRows,
  scopeCatalogue,
  scopeStatements,
  registrationCount,
  selfRegistrations,
  shownClient,
  signInFailures,
  userRegistry,
  userStatements,
  usernameKeys,
  usedJtis,
  waitingClients,
  webhookDeliveries,
}
type Named = readonly [name: string, sql: string]

const isStatement = (value: unknown): value is string =>
  typeof value === 'string' && /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/.test(value)
const sweeping: Named[] = sweepsOf(400).flatMap(({ task, before = [], ...sweep }) =>
  Object.entries({
    advance: sweep.advance,
    ...Object.fromEntries(before.entries()),
    remove: sweep.remove,
    record: recordOf(sweep),
  }).flatMap(([name, sql]) =>
    sql === undefined ? [] : [[`sweeps.${task}.${name}`, sql] as const],
  ),
)
const written: Named[] = Object.entries(stores).flatMap(([store, exported]) =>
  Object.entries(exported)
    .filter((entry): entry is [string, string] => isStatement(entry[1]))
    .map(([name, sql]) => [`${store}.${name}`, sql] as const),
)

const declared: Named[] = [
  scopeStatements.SCOPES,
  resourceRegistry.RESOURCES,
  documentHostRegistry.DOCUMENT_HOSTS,
].flatMap(({ table, key, ...sql }) =>
  Object.entries(sql).map(([name, text]) => [`declared.${table}.${name}`, text] as const),
)

const { client, user } = narrowing.NARROWING_SQL
const narrowings: Named[] = (['replace', 'withdraw'] as const).flatMap((how) =>
  Object.entries({ ...client[how], user: user[how] }).map(
    ([name, sql]) => [`narrowing.${how}.${name}`, sql] as const,
  ),
)

const removing: Named[] = Object.entries(deletions.REMOVAL).flatMap(([kind, all]) =>
  all.map((sql, at) => [`deletions.REMOVAL.${kind}.${at}`, sql] as const),
)

const asking: Named[] = [
  ['housekeeping.askDue', housekeeping.askDue([...sweepsOf(400), ...housekeeping.OTHER_WORK], 0)],
]

export const statements: readonly Named[] = [
  ...written,
  ...declared,
  ...sweeping,
  ...narrowings,
  ...removing,
  ...asking,
]

/** One value for each parameter: a query plan needs values, and does not depend on them. */
export const anyValues = (sql: string) => {
  const parameters = Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n)))
  return Array.from({ length: parameters }, () => '[]')
}

/** `detail` of `EXPLAIN QUERY PLAN`. A virtual table (json_each) and a subquery's result are not tables of ours. */
export const isScan = (detail: string) =>
  /^SCAN /.test(detail) &&
  !/VIRTUAL TABLE|CONSTANT ROW|^SCAN (u|slice|\(subquery-\d+\))$/.test(detail)
