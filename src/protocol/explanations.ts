/** What each error code means, for a client's developer. What the compiler finds missing here must be written. */

import { type ErrorCode, statusOf } from './errors.ts'

export type Explanation = Readonly<{
  meaning: string
  /** The usual ones, most frequent first. */
  causes: readonly string[]
  /** What helps. */
  remedy: string
}>

const EXPLANATIONS = {
  invalid_request: {
    meaning:
      'The request itself is not as it must be: something is missing, repeated, malformed or sent in the wrong way.',
    causes: [
      'A required parameter is missing. error_description names it.',
      'A parameter is included more than once, or a credential is part of the URL.',
      'The body is JSON. It must be application/x-www-form-urlencoded.',
      'At the authorization endpoint: client_id is unknown, or redirect_uri is not, character for character, one that is registered.',
      'The client is authenticated in more than one way: by the Authorization header and by parameters of the body.',
      'PKCE is mandatory for the client and code_challenge is missing, or code_challenge_method is not S256.',
    ],
    remedy:
      'Correct the request. Repeating it as it is cannot succeed. Compare redirect_uri with what is registered, down to the last slash.',
  },
  invalid_client: {
    meaning: 'The client could not be authenticated. The answer is the same whatever the cause.',
    causes: [
      'The secret is wrong, has been replaced, or was copied with a space or a line break.',
      'The client authenticates in another way than it is registered for: client_secret_basic sends an Authorization header, client_secret_post sends parameters of the body, client_secret may do either.',
      'The secret was made elsewhere and is too weak: fewer than 32 characters, or fewer than 8 different ones, are never accepted.',
      'With Basic, the id and the secret were not form-encoded before they were joined and encoded.',
      'The client is unknown here, or has been disabled.',
      'A client assertion has expired, was used before, or names another audience than the issuer.',
    ],
    remedy:
      'Check the id, the secret and the authentication method. The operator can see which of these it was, and can issue a new secret.',
  },
  invalid_grant: {
    meaning:
      'What was to be exchanged for an access token, a code or a refresh token, is not good, or not for this client.',
    causes: [
      'The code was used before. A code is good once, also when the answer was lost on the way.',
      'The code or the refresh token has expired.',
      'redirect_uri is not the one that the authorization request used.',
      'code_verifier does not belong to the code_challenge of the authorization request, or one of the two is missing.',
      'It was issued to another client.',
      'The refresh token has been exchanged for its successor, or the user or the operator has withdrawn the authorization.',
    ],
    remedy:
      'Start a new authorization request. Do not repeat the exchange: using a code or a refresh token again ends what the first use bought.',
  },
  unauthorized_client: {
    meaning: 'The client is known, and may not use this grant type.',
    causes: [
      'The client is not authorized for the grant type, or it was requested and has not been authorized yet.',
      'A public client asks for client_credentials, which needs a client that can keep a secret.',
    ],
    remedy: 'Ask the operator to authorize the grant type for the client.',
  },
  unsupported_grant_type: {
    meaning: 'grant_type is none that this server knows.',
    causes: [
      'It is misspelt: the known ones are authorization_code, client_credentials and refresh_token.',
      'It is password or implicit, which are not offered here.',
    ],
    remedy: 'Use the authorization code flow for users, client_credentials for a client itself.',
  },
  unsupported_response_type: {
    meaning: 'response_type is none that this server knows.',
    causes: ['It is token or id_token: the implicit flow is not offered here.'],
    remedy: 'Ask for response_type=code, with PKCE.',
  },
  invalid_scope: {
    meaning: 'A requested scope is malformed, or more than can be given.',
    causes: [
      'A scope is not of the form domain:action or domain:action:resource. Scopes are separated by spaces.',
      'The client is not authorized for one of the scopes. A scope that was merely requested does not count.',
      'The user holds none of the requested scopes.',
      'On renewal: more is asked than was granted, or what was granted has been withdrawn since.',
    ],
    remedy:
      'Ask for less, or leave scope out to get all that the client is authorized for. The operator can authorize more.',
  },
  invalid_dpop_proof: {
    meaning: 'The DPoP proof that came with the token request is not valid for it (RFC 9449).',
    causes: [
      'htm is not POST, or htu is not the URL of the token endpoint as the metadata gives it.',
      'iat is more than a minute from the time here: the clock of the client is wrong.',
      'The proof was used before. Every request needs a proof of its own, with a jti of its own.',
      'typ is not dpop+jwt, the header has no public jwk, or the algorithm is none of dpop_signing_alg_values_supported.',
      'There are several DPoP headers.',
    ],
    remedy: 'Make a new proof for every request, also when one is repeated.',
  },
  access_denied: {
    meaning: 'The user, or this server for the user, said no.',
    causes: [
      'The user pressed Cancel, or left nothing ticked.',
      'The user may not authorize applications, because the account is disabled.',
      'A form was sent too late, from another browser, or from another site.',
    ],
    remedy:
      'Respect the answer and offer to try again. After a form that is out of date, open the page anew.',
  },
  temporarily_unavailable: {
    meaning: 'The server cannot answer now, or not that often. Nothing is wrong with the request.',
    causes: [
      'Storage is out of reach for a moment (status 503).',
      'Too many attempts failed from one address, or for one client or user (status 429).',
    ],
    remedy:
      'Wait as long as the header Retry-After says, then send the same request again. A code that could not be exchanged for this reason is, as a rule, still good.',
  },
} as const satisfies Record<ErrorCode, Explanation>

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(EXPLANATIONS, code)

export type ExplainedCode = Explanation & Readonly<{ code: string; status: number }>

const explained = (code: ErrorCode): ExplainedCode => ({
  ...EXPLANATIONS[code],
  code,
  status: statusOf(code),
})

/** Null if there is no such code. */
export const explanationOf = (code: string): ExplainedCode | null =>
  isErrorCode(code) ? explained(code) : null

export const explanations = (): ExplainedCode[] =>
  Object.keys(EXPLANATIONS).filter(isErrorCode).map(explained)
