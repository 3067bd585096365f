/** Which client sends the browser to the authorization endpoint, and where the browser may be sent back to. */

import { type Client, isEnabled } from '../domain/client.ts'
import { needsDocument, whyNotAdmitted } from '../domain/client-document.ts'
import type { ApprovedRedirectUri, ClientId } from '../domain/ids.ts'
import { nameForPeople } from '../domain/shown-client.ts'
import { documentRefusal } from '../protocol/client-documents.ts'
import { OAuthError } from '../protocol/errors.ts'
import { approveRedirect, schemeNotAllowed, whyNotApproved } from '../protocol/redirect-uri.ts'
import { quoted } from '../protocol/sanitize.ts'
import type { Deps } from './deps.ts'

export type IdentifiedClient = Readonly<{ client: Client; redirect: ApprovedRedirectUri }>

type Addressee = Readonly<{
  clientId: ClientId | undefined
  redirectUri: string | undefined
  resources: readonly string[]
}>
type IdentifyingDeps = Pick<
  Deps,
  'clients' | 'clientDocuments' | 'documents' | 'privateUseSchemes' | 'checking'
>

const noSuchApplication = (detail: string) =>
  new OAuthError('invalid_request', 'No such application is registered here.', { detail })

/**
 * The first step. Throws `OAuthError` for the person at the browser: without a client and a redirect URI of that client the
 * browser is not redirected. `needs_document`: the client's metadata document must be read first.
 */
export async function identifyClient(
  asked: Addressee,
  { clients, clientDocuments, privateUseSchemes, checking }: Omit<IdentifyingDeps, 'documents'>,
  now: number,
): Promise<IdentifiedClient | 'needs_document'> {
  const { clientId, resources } = asked
  checking?.('client')
  if (clientId === undefined) throw noSuchApplication('unknown client_id')
  const client = await clients.findFresh(clientId, { resources })
  const notAdmitted = whyNotAdmitted(clientId, client, clientDocuments)
  if (notAdmitted !== null) throw noSuchApplication(notAdmitted)
  if (needsDocument(clientId, client, now)) return 'needs_document'
  if (!client) throw noSuchApplication('unknown client_id')
  if (!isEnabled(client)) throw noSuchApplication('disabled client')
  checking?.('redirect_uri')
  const scheme = schemeNotAllowed(client, asked.redirectUri, privateUseSchemes)
  if (scheme !== null) {
    throw new OAuthError(
      'invalid_request',
      'The application asked to send you to an address whose scheme is not allowed here.',
      { detail: `the scheme ${quoted(scheme)} is not in PRIVATE_USE_SCHEMES` },
    )
  }
  const redirect = approveRedirect(client, asked.redirectUri, privateUseSchemes)
  if (!redirect) {
    throw new OAuthError(
      'invalid_request',
      'The application asked to send you to an address that is not registered for it.',
      { detail: whyNotApproved(client, asked.redirectUri), application: nameForPeople(client) },
    )
  }
  return { client, redirect }
}

/**
 * The same step after the document was read. It is only for a signed-in user: otherwise strangers could make the registry
 * send requests to any host. If the host may not be asked now, another request may just have read the document.
 */
export async function identifyByDocument(
  asked: Addressee,
  deps: IdentifyingDeps,
  now: number,
): Promise<IdentifiedClient> {
  const { clientId } = asked
  if (clientId === undefined) throw noSuchApplication('unknown client_id')
  const resolution = await deps.documents.resolve({ clientId, cause: 'not_fresh' })
  if (resolution.kind === 'refused' || resolution.kind === 'unavailable') {
    throw documentRefusal(resolution)
  }
  const identified = await identifyClient(asked, deps, now)
  if (identified !== 'needs_document') return identified
  if (resolution.kind === 'too_soon') throw documentRefusal(resolution)
  throw new Error('the document was read, and is not there')
}
