/** Settings of a client for the common libraries, ready to paste. They contain no secret. */

import { type Client, type GrantType, usesSecret } from '../../domain/client.ts'
import { shellWord } from '../../domain/shell-word.ts'

export type ConfiguredClient = Pick<Client, 'authMethod' | 'grantTypes' | 'scopes'> &
  Readonly<{
    issuer: string
    clientId: string
    redirectUris: readonly string[]
    /** The algorithm of the client's first key if it signs; null for other clients. */
    keyAlgorithm: KeyAlgorithm | null
  }>

/** How WebCrypto imports the private key of each algorithm. */
const KEY_IMPORTS = {
  ES256: "{ name: 'ECDSA', namedCurve: 'P-256' }",
  EdDSA: "'Ed25519'",
  RS256: "{ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }",
  PS256: "{ name: 'RSA-PSS', hash: 'SHA-256' }",
} as const
type KeyAlgorithm = keyof typeof KEY_IMPORTS

type Snippet = Readonly<{ title: string; code: string }>

/** A text literal of JavaScript and of Python. */
const text = (value: string) => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

const scopeOf = ({ scopes }: ConfiguredClient) => scopes.join(' ')
const redirectUriOf = ({
  redirectUris: [first = 'https://app.example/callback'],
}: ConfiguredClient) => first
const keepsSecret = ({ authMethod }: ConfiguredClient) => usesSecret(authMethod)

/** The libraries refuse an issuer without https unless an option allows it. */
const isLoopback = ({ issuer }: ConfiguredClient) => issuer.startsWith('http:')

/** The method's name in `token_endpoint_auth_method`. */
const methodOf = ({ authMethod }: ConfiguredClient) =>
  authMethod === 'client_secret' ? 'client_secret_basic' : authMethod

/** The private key is a JWK in the environment. */
const importedKey = ({ keyAlgorithm }: ConfiguredClient) =>
  keyAlgorithm === null
    ? ''
    : `const jwk = JSON.parse(process.env.CLIENT_KEY)
const key = await crypto.subtle.importKey('jwk', jwk, ${KEY_IMPORTS[keyAlgorithm]}, false, ['sign'])
`

/** How openid-client and oauth4webapi authenticate the client. Each has its own name in the code. */
const authenticationBy = (library: 'openid' | 'oauth', client: ConfiguredClient) => {
  if (client.keyAlgorithm !== null) return `${library}.PrivateKeyJwt(key)`
  if (!keepsSecret(client)) return `${library}.None()`
  const name = methodOf(client) === 'client_secret_post' ? 'ClientSecretPost' : 'ClientSecretBasic'
  return `${library}.${name}(process.env.CLIENT_SECRET)`
}

const openidConfig = (client: ConfiguredClient) => `import * as openid from 'openid-client'

${importedKey(client)}const config = await openid.discovery(
  new URL(${text(client.issuer)}),
  ${text(client.clientId)},
  {},
  ${authenticationBy('openid', client)},
  { algorithm: 'oauth2'${isLoopback(client) ? ', execute: [openid.allowInsecureRequests]' : ''} },
)`

const openidMachine = (client: ConfiguredClient) => `${openidConfig(client)}
const tokens = await openid.clientCredentialsGrant(config, { scope: ${text(scopeOf(client))} })
console.log(tokens.access_token)`

const openidUsers = (client: ConfiguredClient) => `${openidConfig(client)}
const state = openid.randomState()
const verifier = openid.randomPKCECodeVerifier()
// Keep both in the user's session, then send the browser here:
const address = openid.buildAuthorizationUrl(config, {
  redirect_uri: ${text(redirectUriOf(client))},
  scope: ${text(scopeOf(client))},
  state,
  code_challenge: await openid.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})
// At the redirect URI, with the address that the browser came to:
const tokensFor = (callback) =>
  openid.authorizationCodeGrant(config, callback, { expectedState: state, pkceCodeVerifier: verifier })`

const oauthClient = (client: ConfiguredClient) => {
  const insecure = isLoopback(client) ? ', [oauth.allowInsecureRequests]: true' : ''
  return `import * as oauth from 'oauth4webapi'

${importedKey(client)}const issuer = new URL(${text(client.issuer)})
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2'${insecure} })
const server = await oauth.processDiscoveryResponse(issuer, found)
const client = { client_id: ${text(client.clientId)} }
const authentication = ${authenticationBy('oauth', client)}`
}

/** Where Authlib takes the secret or the private key. */
const authlibSecret = (client: ConfiguredClient) => {
  if (client.keyAlgorithm !== null)
    return "\n    client_secret=json.loads(os.environ['CLIENT_KEY']),"
  return keepsSecret(client) ? "\n    client_secret=os.environ['CLIENT_SECRET']," : ''
}

/** RFC 7523 §3: the registry demands the issuer as audience, and ten minutes at most. Authlib has other defaults. */
const authlibSigning = ({ keyAlgorithm, issuer }: ConfiguredClient) =>
  keyAlgorithm === null
    ? ''
    : `
session.register_client_auth_method(
    PrivateKeyJWT(
        token_endpoint=${text(issuer)},
        claims={'exp': int(time.time()) + 60},
        alg=${text(keyAlgorithm)},
    )
)`

const authlibImports = (client: ConfiguredClient) => {
  if (client.keyAlgorithm === null) return keepsSecret(client) ? 'import os\n' : ''
  return 'from authlib.oauth2.rfc7523 import PrivateKeyJWT\nimport json\nimport os\nimport time\n'
}

const authlibSession = (client: ConfiguredClient, more: string) =>
  `from authlib.integrations.requests_client import OAuth2Session
${authlibImports(client)}
session = OAuth2Session(
    client_id=${text(client.clientId)},${authlibSecret(client)}
    token_endpoint_auth_method=${text(methodOf(client))},
    scope=${text(scopeOf(client))},${more}
)${authlibSigning(client)}`

const authlibMachine = (client: ConfiguredClient) => `${authlibSession(client, '')}
token = session.fetch_token(${text(`${client.issuer}/token`)}, grant_type='client_credentials')`

const authlibUsers = (
  client: ConfiguredClient,
) => `from authlib.common.security import generate_token
${authlibSession(
  client,
  `
    redirect_uri=${text(redirectUriOf(client))},
    code_challenge_method='S256',`,
)}
verifier = generate_token(48)
# Keep both in the user's session, then send the browser to the address:
address, state = session.create_authorization_url(
    ${text(`${client.issuer}/authorize`)}, code_verifier=verifier
)
# At the redirect URI, with the address that the browser came to:
def tokens_for(callback):
    return session.fetch_token(
        ${text(`${client.issuer}/token`)}, authorization_response=callback, code_verifier=verifier
    )`

const mcpProvider = (
  client: ConfiguredClient,
) => `// For the OAuthClientProvider of @modelcontextprotocol/sdk
const provider = {
  redirectUrl: ${text(redirectUriOf(client))},
  clientMetadata: { client_name: 'My MCP client', redirect_uris: [${text(redirectUriOf(client))}] },
  clientInformation: () => ({
    client_id: ${text(client.clientId)},${
      keepsSecret(client)
        ? `\n    client_secret: process.env.CLIENT_SECRET,
    token_endpoint_auth_method: ${text(methodOf(client))},`
        : ''
    }
  }),
  // tokens, saveTokens, redirectToAuthorization, saveCodeVerifier and codeVerifier are yours.
}`

const curlCredentials = (client: ConfiguredClient) => {
  const id = `-d client_id=${shellWord(client.clientId)}`
  if (!keepsSecret(client)) return id
  return methodOf(client) === 'client_secret_post'
    ? `${id} -d client_secret="$CLIENT_SECRET"`
    : `-u ${shellWord(`${client.clientId}:`)}"$CLIENT_SECRET"`
}

const curlMachine = (client: ConfiguredClient) =>
  `curl ${shellWord(`${client.issuer}/token`)} ${curlCredentials(client)} \\
  -d grant_type=client_credentials --data-urlencode scope=${shellWord(scopeOf(client))}`

const curlUsers = (client: ConfiguredClient) =>
  `# With the code of the callback, and the verifier whose challenge the request had:
curl ${shellWord(`${client.issuer}/token`)} ${curlCredentials(client)} \\
  -d grant_type=authorization_code -d code="$CODE" -d code_verifier="$VERIFIER" \\
  --data-urlencode redirect_uri=${shellWord(redirectUriOf(client))}`

type Library = Readonly<{
  title: string
  code: (client: ConfiguredClient) => string
  /** The client needs one of these grants. */
  grants: readonly GrantType[]
  /** True if the library works only for a client that authenticates with a secret or not at all. */
  cannotSign?: boolean
}>

const USERS: readonly GrantType[] = ['authorization_code']
const ITSELF: readonly GrantType[] = ['client_credentials']

const LIBRARIES: readonly Library[] = [
  { title: 'openid-client (JavaScript)', code: openidUsers, grants: USERS },
  { title: 'Authlib (Python)', code: authlibUsers, grants: USERS },
  { title: 'MCP client (TypeScript)', code: mcpProvider, grants: USERS, cannotSign: true },
  { title: 'openid-client (JavaScript), for itself', code: openidMachine, grants: ITSELF },
  { title: 'Authlib (Python), for itself', code: authlibMachine, grants: ITSELF },
  { title: 'curl, for itself', code: curlMachine, grants: ITSELF, cannotSign: true },
  { title: 'oauth4webapi (JavaScript)', code: oauthClient, grants: [...USERS, ...ITSELF] },
  { title: 'curl', code: curlUsers, grants: USERS, cannotSign: true },
]

/** The private key of a client that signs is a JWK in CLIENT_KEY. */
export const snippetsFor = (client: ConfiguredClient): readonly Snippet[] =>
  LIBRARIES.filter(
    ({ grants, cannotSign = false }) =>
      grants.some((grant) => client.grantTypes.includes(grant)) &&
      !(cannotSign && client.keyAlgorithm !== null),
  ).map(({ title, code }) => ({ title, code: code(client) }))
