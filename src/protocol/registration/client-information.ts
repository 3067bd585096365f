/** The client information response (RFC 7591 §3.2.1): what is registered, without what was requested and not granted. */

import type { AuthMethod, ClientRecord } from '../../domain/client.ts'
import { formatScopes } from '../../domain/scope.ts'
import { CLIENT_DETAILS } from './client-details.ts'
import { shown } from './field.ts'

/** Values that are shown only once. `token`: the registration access token; null if the client cannot be managed with one. */
type Issued = Readonly<{ clientSecret: string | null; token: string | null }>

export const REGISTER_PATH = '/register'

/** `client_secret` is no method of RFC 7591 §2. A client with this method may use Basic, whose name is returned. */
const methodName = (method: AuthMethod) =>
  method === 'client_secret' ? 'client_secret_basic' : method

const isSaid = ([, value]: readonly [string, unknown]) =>
  Array.isArray(value) ? value.length > 0 : value !== ''

export function clientInformation(
  client: ClientRecord,
  { clientSecret, token }: Issued,
  issuer: string,
) {
  const { clientId, grantTypes, jwks, jwksUri, scopes, url } = client
  return {
    client_id: clientId,
    client_id_issued_at: client.createdAt,
    ...(clientSecret !== null && { client_secret: clientSecret, client_secret_expires_at: 0 }),
    ...(token !== null && {
      registration_access_token: token,
      registration_client_uri: `${issuer}${REGISTER_PATH}/${encodeURIComponent(clientId)}`,
    }),
    client_name: client.name,
    redirect_uris: client.redirectUris,
    token_endpoint_auth_method: methodName(client.authMethod),
    grant_types: grantTypes,
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
    ...(scopes.length > 0 && { scope: formatScopes(scopes) }),
    ...(url !== '' && { client_uri: url }),
    ...Object.fromEntries(
      Object.entries(shown('inDocument', CLIENT_DETAILS, client)).filter(isSaid),
    ),
    // If the client has a jwks_uri, the keys were read there and are not shown.
    ...(jwks !== null && jwksUri === '' && { jwks: JSON.parse(jwks) as object }),
    ...(client.requireDpop && { dpop_bound_access_tokens: true }),
  }
}
