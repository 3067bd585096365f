/** What each error code means, for a client's developer: the pages under /errors and docs/errors.md show this table. */

import { type ErrorCode, statusOf } from '../protocol/errors.ts'

type Explanation = Readonly<{
  meaning: string
  /** The most frequent cause comes first. */
  causes: readonly string[]
  remedy: string
}>

const EXPLANATIONS = {
  invalid_request: {
    meaning:
      'The request is malformed: a parameter is missing, repeated or invalid, or it was sent in the wrong way.',
    causes: [
      'A required parameter is missing. error_description names it.',
      'A parameter occurs more than once, or the URL contains a credential.',
      'The body is JSON. It must be application/x-www-form-urlencoded.',
      'At the authorization endpoint: client_id is unknown, or redirect_uri does not equal a registered one character for character.',
      'At the authorization endpoint: client_id is the address of a metadata document that cannot be read, is malformed or is not accepted here. The page says what is wrong with it.',
      'The path does not exist (status 404), or does not take the method (status 405). The metadata lists the endpoints.',
      'The client authenticates in two ways at once: by the Authorization header and by parameters of the body.',
      'The client must use PKCE and code_challenge is missing, or code_challenge_method is not S256.',
      'A public client asks for a scope that begins with registry: and has not named its DPoP key by dpop_jkt.',
    ],
    remedy:
      'Correct the request. The same request fails again. Compare redirect_uri with the registered one, down to the last slash.',
  },
  invalid_client: {
    meaning:
      'The client could not be authenticated. The answer is the same for every cause that the request alone does not show.',
    causes: [
      'The secret is wrong, has been replaced, or was copied with a space or a line break.',
      'The client uses another authentication method than it is registered for: client_secret_basic sends an Authorization header, client_secret_post sends parameters of the body, client_secret may do either.',
      'The secret was made elsewhere and is too weak: a secret with fewer than 32 characters, or with fewer than 8 different ones, is never accepted.',
      'With Basic, the id and the secret were not form-encoded before they were joined and encoded.',
      'The client is unknown here, or has been disabled.',
      'A client assertion has expired, was used before, or names another audience than the issuer.',
    ],
    remedy:
      'Check the id, the secret and the authentication method. An owner of the client, or the operator, can look up the cause and make a new secret.',
  },
  invalid_grant: {
    meaning: 'The code or the refresh token is not valid, or not valid for this client.',
    causes: [
      'The code was used before. A code is valid once, even if the response was lost.',
      'The code or the refresh token has expired.',
      'redirect_uri is not the one that the authorization request used.',
      'code_verifier does not match the code_challenge of the authorization request, or one of the two is missing.',
      'The code or the refresh token was issued to another client.',
      'The refresh token has been exchanged for its successor, or the user or the operator has withdrawn the authorization.',
    ],
    remedy:
      'Start a new authorization request. Do not repeat the exchange of a code: a second use ends the tokens that the first use returned. So does a refresh token that is shown again, except a retry within a few seconds.',
  },
  unauthorized_client: {
    meaning: 'The client is known and may not use this grant type.',
    causes: [
      'The client is not authorized for the grant type. A grant type that was only requested does not count.',
      'A public client asks for client_credentials, which needs a client that can authenticate.',
    ],
    remedy: 'Ask the operator to authorize the grant type for the client.',
  },
  unsupported_grant_type: {
    meaning: 'The server does not support this grant_type.',
    causes: [
      'The value is misspelt. The supported ones are authorization_code, client_credentials and refresh_token.',
      'The value is password, implicit, or that of the device authorization grant or of token exchange, which this server does not offer.',
    ],
    remedy:
      'Use authorization_code to act for a user, and client_credentials to act for the client itself.',
  },
  unsupported_response_type: {
    meaning: 'The server does not support this response_type.',
    causes: ['The value is token or id_token. This server does not offer the implicit flow.'],
    remedy: 'Use the value code for response_type, with PKCE.',
  },
  invalid_scope: {
    meaning: 'A requested scope is malformed, or more than can be granted.',
    causes: [
      'A scope has a character that RFC 6749 does not allow, or more than 256 characters. Spaces separate scopes.',
      'The client is not authorized for the scope that error_description names. A scope that was only requested does not count.',
      'The user holds none of the requested scopes.',
      'A refresh asks for more than was granted, or what was granted has been withdrawn since.',
      'A signed access token with all of it would have more than 8192 characters.',
    ],
    remedy:
      'Request less, or leave scope out to request everything that the client is authorized for. The operator can authorize more.',
  },
  invalid_target: {
    meaning: 'The request names a resource for which it cannot get a token (RFC 8707).',
    causes: [
      'The value of resource is not an absolute URI, or it has a fragment.',
      'No resource with this URI is registered here. Scheme and host may be in any case; the path must be exact.',
      'The client is authorized for no scope of the resource, or none was granted.',
      'At /token: the authorization request did not name the resource, or the user did not allow it.',
      'At /token: some of the resources have opaque access tokens and others signed ones. Request a token for those of one format.',
    ],
    remedy:
      'Send the resource to /authorize and to /token, as the metadata of the resource gives it. At /token it may be one of those that the user allowed, or be left out.',
  },
  invalid_dpop_proof: {
    meaning: 'The DPoP proof of the token request is not valid (RFC 9449).',
    causes: [
      'htm is not POST, or htu is not the URL of the token endpoint as the metadata gives it.',
      "iat differs from the server's time by more than a minute: the client's clock is wrong.",
      'The proof was used before. Each request needs its own proof with its own jti.',
      'typ is not dpop+jwt, the header has no public jwk, or the algorithm is not in dpop_signing_alg_values_supported.',
      'The request has more than one DPoP header.',
    ],
    remedy: 'Make a new proof for each request, also when you repeat a request.',
  },
  invalid_redirect_uri: {
    meaning: 'No redirect URI of a registration request can be used (RFC 7591).',
    causes: [
      'redirect_uris is missing, and the client is to act for users.',
      'Every redirect URI is http on another host than this machine, has a fragment or a wildcard, or has a scheme that browsers handle themselves.',
      'The only scheme has no dot, as in cursor://, and the operator has not allowed it.',
    ],
    remedy:
      'Register at least one of: https, http on a loopback address, or for a public client a private-use scheme with a dot in it.',
  },
  invalid_client_metadata: {
    meaning:
      'A member of a registration request is not valid (RFC 7591). error_description names it.',
    causes: [
      'The member does not have the type of RFC 7591, is too long, or is not a web address.',
      'grant_types and response_types do not fit together, or none of them is supported here.',
      'private_key_jwt without jwks or jwks_uri, with both, or with a key that cannot verify a signature.',
    ],
    remedy: 'Correct the member. Members that the registry does not know are ignored.',
  },
  invalid_software_statement: {
    meaning: 'The registration request has a software statement, and the registry accepts none.',
    causes: ['software_statement is in the request.'],
    remedy: 'Register without it.',
  },
  login_required: {
    meaning: 'The user must sign in, and no page may be shown.',
    causes: [
      'The request has prompt=none, and nobody is signed in at this browser, or not within max_age.',
      'The accounts service sent the browser back without a new sign-in.',
    ],
    remedy: 'Send the same request without prompt=none.',
  },
  consent_required: {
    meaning: 'The user must consent, and no page may be shown.',
    causes: [
      'The request has prompt=none, and no remembered consent answers it: it asks for more, or the client has changed.',
      'Consent is never remembered for a public client on the device of its user, or for a sensitive scope.',
    ],
    remedy: 'Send the same request without prompt=none.',
  },
  access_denied: {
    meaning: 'The user refused, or the server refused for the user.',
    causes: [
      'The user pressed Cancel, or left no scope ticked.',
      'The user may not authorize applications, because the account is disabled.',
      'A form was sent too late, from another browser, or from another site.',
    ],
    remedy:
      'Respect the answer and offer to try again. If a form was out of date, open its page again.',
  },
  temporarily_unavailable: {
    meaning:
      'The server cannot answer now, or it gets too many requests. The request itself may be correct.',
    causes: [
      'Storage does not answer (status 503).',
      'The metadata document of the client cannot be read now (status 503), or its host was asked a moment ago (status 429).',
      'Too many attempts failed from one address, or for one client or user (status 429).',
    ],
    remedy:
      'Wait for the seconds of the Retry-After header, then send the same request again. A code that could not be exchanged for this reason is, as a rule, still valid.',
  },
} as const satisfies Record<ErrorCode, Explanation>

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(EXPLANATIONS, code)

/** `status`: the usual status of a direct response. */
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
