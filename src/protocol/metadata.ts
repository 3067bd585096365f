/** Authorization server metadata (RFC 8414 §2). */

import { SIGNATURE_ALGORITHMS } from '../crypto/client-jwt.ts'
import type { SigningAlgorithm } from '../crypto/signing-keys.ts'
import { REQUEST_AUTH_METHODS } from '../domain/client.ts'
import type { RegistrationMode } from '../domain/registration.ts'
import { OFFLINE_ACCESS } from '../domain/scope.ts'
import { PROMPTS } from './interaction.ts'
import { KEY_SET_PATH } from './key-set.ts'

const ENDPOINTS_FOR_CLIENTS = { token: 'token', revocation: 'revoke', introspection: 'introspect' }

/** RFC 7662 §2.1: `/introspect` refuses a public client. */
const authMethodsAt = (endpoint: string) =>
  REQUEST_AUTH_METHODS.filter((method) => method !== 'none' || endpoint !== 'introspection')

const entries = (make: (name: string, path: string) => [string, unknown]) =>
  Object.fromEntries(Object.entries(ENDPOINTS_FOR_CLIENTS).map(([name, path]) => make(name, path)))

/** The declared scopes and resources. `signingAlgorithm` is null without keys. */
type Supported = Readonly<{
  scopes: readonly string[]
  resources: readonly string[]
  clientDocuments: boolean
  signingAlgorithm: SigningAlgorithm | null
  registration: RegistrationMode
}>

/** RFC 8414 §7.2: `issuer` is the setting and never taken from the request, so that a caller cannot change the endpoints. */
export function serverMetadata(
  issuer: string,
  grantTypes: readonly string[],
  { scopes, resources, clientDocuments, signingAlgorithm, registration }: Supported,
) {
  const urls = resources.filter((uri) => /^https?:/.test(uri))
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    ...entries((name, path) => [`${name}_endpoint`, `${issuer}/${path}`]),
    ...(registration !== 'off' && { registration_endpoint: `${issuer}/register` }),
    ...entries((name) => [`${name}_endpoint_auth_methods_supported`, authMethodsAt(name)]),
    // RFC 8414 §2: the algorithms for private_key_jwt.
    ...entries((name) => [
      `${name}_endpoint_auth_signing_alg_values_supported`,
      SIGNATURE_ALGORITHMS,
    ]),
    // RFC 9449 §5.1.
    dpop_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    // Initiating User Registration via OpenID Connect 1.0 §4.
    prompt_values_supported: PROMPTS,
    grant_types_supported: grantTypes,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    scopes_supported: [...new Set([...scopes, OFFLINE_ACCESS])].sort(),
    // RFC 9728 §4: only the resources that are URLs, because only those have metadata.
    ...(urls.length > 0 && { protected_resources: urls }),
    ...(signingAlgorithm && {
      jwks_uri: `${issuer}${KEY_SET_PATH}`,
      // RFC 9701 §7.
      introspection_signing_alg_values_supported: [signingAlgorithm],
    }),
    // Client ID Metadata Document §5.
    ...(clientDocuments && { client_id_metadata_document_supported: true }),
    service_documentation: `${issuer}/`,
  }
}
