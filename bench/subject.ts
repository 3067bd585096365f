/** The one client, user and code that every server is measured with, as far as it knows such things. */

export const ISSUER = 'http://127.0.0.1:8787'
export const CALLBACK = 'https://client.example/callback'
export const SCOPES = ['public:read', 'submission:create', 'submission:read']
export const GRANTED_SCOPES = ['public:read', 'submission:read']
export const ENDORSEMENTS = ['cs.*']
export const JWT_SECRET = 'a secret of the benchmark, of more than 32 bytes'

export const CLIENT = {
  name: 'Example client',
  ownerId: 'owner-1',
  url: 'https://client.example/',
  description: 'Reads submissions',
  redirectUris: [CALLBACK, 'https://client.example/other'],
}

export const USER = {
  username: 'reader',
  email: 'reader@example.org',
  scopes: SCOPES,
  endorsements: ['cs.DL', 'math.*'],
}

/** RFC 7636, appendix B: every exchange proves its verifier. */
export const PKCE = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const

/** The client's own parameters. */
export type Credentials = Readonly<{ id: string; secret: string }>

export const credentialsFields = ({ id, secret }: Credentials, scope = '') => ({
  grant_type: 'client_credentials',
  client_id: id,
  client_secret: secret,
  ...(scope && { scope }),
})

export const redemptionFields = ({ id, secret }: Credentials, code: string) => ({
  grant_type: 'authorization_code',
  client_id: id,
  client_secret: secret,
  code,
  redirect_uri: CALLBACK,
  code_verifier: PKCE.verifier,
})
