/**
 * The keys that a client publishes (`jwks_uri`). A client that acts for itself shows neither a code nor a refresh token, for
 * which its host could be asked later, so its keys are read when it is registered or changed.
 */

import type { ClientRecord } from '../domain/client.ts'
import { isDocumentUrl } from '../domain/client-document.ts'
import type { Outcome } from '../flows/registration/change.ts'
import type { Resolution } from '../protocol/client-documents.ts'
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

/** `isGiven`: the change names the address, so it is read although there are keys. */
export async function withPublishedKeys<Made extends Outcome<ClientRecord>>(
  made: Made,
  { ports, readKeys }: Pick<ManagementDeps, 'ports' | 'readKeys'>,
  isGiven = false,
): Promise<Made> {
  const { clientId, jwksUri, jwks, grantTypes } = made.record
  const isReadLater = isDocumentUrl(clientId) || !grantTypes.includes('client_credentials')
  if (jwksUri === '' || isReadLater || (jwks !== null && !isGiven)) return made
  const notes = [...made.notes, ...notesOn(await readKeys(clientId))]
  return { ...made, record: (await ports.clients.find(clientId)) ?? made.record, notes }
}
