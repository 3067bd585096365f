/** The client, the user and the code with which every server is measured, as far as it has them. */

export const ISSUER = 'http://127.0.0.1:8787'
export const CALLBACK = 'https://client.example/callback'
export const SCOPES = ['public:read', 'submission:create', 'submission:read']
export const GRANTED_SCOPES = ['public:read', 'submission:read']
export const ENDORSEMENTS = ['cs.*']
export const JWT_SECRET = 'a secret of the benchmark, of more than 32 bytes'

/** The service whose access tokens are signed, and the key that signs them. */
export const SERVICE = 'https://service.example'
export const SIGNING_KEY = {
  kty: 'EC',
  crv: 'P-256',
  x: '1hOUENG5x9wjNwfFnQRuzDFnD5UAbhlPckogirswzzM',
  y: 'KCGnVBVw5vWSifIGP7V_Qh5Z3PPnoN0mUHVwjUEZRX8',
  d: 'MHNivWr8a6U-c8dCFzbM1C6IJH13d-9ooN_sV779dSo',
}
export const SIGNING_KEYS = JSON.stringify({ keys: [SIGNING_KEY] })
export const SIGNED_TOKEN_SECONDS = 600

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

/** RFC 7636, appendix B. Every redemption sends the verifier. */
export const PKCE = {
  verifier: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
} as const

/** The id and the secret of the client. */
export type Credentials = Readonly<{ id: string; secret: string }>

export const credentialsFields = (
  { id, secret }: Credentials,
  { scope = '', resource = '' }: Readonly<{ scope?: string; resource?: string }> = {},
) => ({
  grant_type: 'client_credentials',
  client_id: id,
  client_secret: secret,
  ...(scope && { scope }),
  ...(resource && { resource }),
})

export const redemptionFields = ({ id, secret }: Credentials, code: string) => ({
  grant_type: 'authorization_code',
  client_id: id,
  client_secret: secret,
  code,
  redirect_uri: CALLBACK,
  code_verifier: PKCE.verifier,
})
