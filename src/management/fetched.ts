/** What is fetched from a client's own addresses when the client is registered or changed: its keys and its logo. */

import type { ClientRecord } from '../domain/client.ts'
import { isDocumentUrl } from '../domain/client-document.ts'
import { fetchLogo } from '../flows/logos.ts'
import type { Outcome } from '../flows/registration/change.ts'
import { refuseFlood } from '../http/flood.ts'
import { log } from '../http/log.ts'
import type { HttpContext } from '../http/request-context.ts'
import type { Resolution } from '../protocol/client-documents.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { ManagementDeps } from './deps.ts'

function notesOn(read: Resolution): readonly string[] {
  switch (read.kind) {
    case 'current':
      return []
    case 'too_soon':
      return ['the host of jwks_uri was asked a moment ago: give jwks_uri again in ten seconds']
    default:
      return [`the keys at jwks_uri were not read: ${read.reason}. Give jwks_uri again`]
  }
}

/** The change is committed, and the response may have a secret that is shown only once: a failed fetch becomes a note. */
async function followedBy<Made extends Outcome<ClientRecord>>(
  made: Made,
  follow: () => Promise<Partial<Outcome<ClientRecord>>>,
  notFollowed: string,
): Promise<Made> {
  const noted = (fault: unknown): Partial<Outcome<ClientRecord>> => {
    log('not_fetched', { clientId: made.record.clientId, fault })
    return { notes: [notFollowed] }
  }
  const { record = made.record, notes = [] } = await follow().catch(noted)
  return { ...made, record, notes: [...made.notes, ...notes] }
}

const KEYS_LATER = 'the keys at jwks_uri were not read: storage did not answer. Give jwks_uri again'
const LOGO_LATER = 'the logo is fetched later: storage did not answer'

type KeyReader = Pick<ManagementDeps, 'ports' | 'resolveDocument'>

/**
 * Reads the keys that a client publishes (`jwks_uri`). A client that acts for itself or introspects presents neither a code
 * nor a refresh token, so its keys could not be read later. `isGiven`: the change names the address, so the keys are read
 * although some are stored.
 */
export async function withPublishedKeys<Made extends Outcome<ClientRecord>>(
  made: Made,
  deps: KeyReader,
  isGiven = false,
): Promise<Made> {
  const { jwks, grantTypes, mayIntrospect } = made.record
  const isReadLater = !grantTypes.includes('client_credentials') && !mayIntrospect
  return isReadLater || (jwks !== null && !isGiven) ? made : readKeysNow(made, deps)
}

/** Reads the keys of other clients too, so that the owners see whether the keys can be read. */
export async function readKeysNow<Made extends Outcome<ClientRecord>>(
  made: Made,
  { ports, resolveDocument }: KeyReader,
): Promise<Made> {
  const { clientId, jwksUri } = made.record
  if (jwksUri === '' || isDocumentUrl(clientId)) return made
  const follow = async () => {
    const notes = notesOn(await resolveDocument({ clientId, cause: 'unknown_key' }))
    return { record: (await ports.clients.find(clientId)) ?? made.record, notes }
  }
  return followedBy(made, follow, KEYS_LATER)
}

/** Fetches the logo that the change has named, and adds a note if this failed. */
export async function withLogo<Made extends Outcome<ClientRecord>>(
  made: Made,
  deps: Pick<ManagementDeps, 'logos' | 'fetchBounded'>,
  now: number,
): Promise<Made> {
  const follow = async () => {
    const missing = await fetchLogo(made.record.clientId, deps, now)
    return { notes: missing === null ? [] : [missing.sentence] }
  }
  return followedBy(made, follow, LOGO_LATER)
}

/** Fetches the logo for an owner, at once but within the limit: the owner sees the logo, or why it is not shown. */
export async function withOwnersLogo<Made extends Outcome<ClientRecord>>(
  made: Made,
  { c, deps }: Readonly<{ c: HttpContext; deps: ManagementDeps }>,
): Promise<Made> {
  if (made.record.logoUri === '') return made
  try {
    await refuseFlood(c, deps.loginLimit)
  } catch (cause) {
    // The consent page causes a later attempt.
    if (cause instanceof OAuthError) return made
    throw cause
  }
  return withLogo(made, deps, c.var.request.now)
}
