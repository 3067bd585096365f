/** Branded strings, so that the compiler reports a mix-up. Only code that makes, reads or checks a value brands it. */

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** A client's id, from the client's row or as presented in a request. */
export type ClientId = Branded<'ClientId'>
/** SHA-256 of a code or a refresh token, base64url. It is the key of the code or token in D1, and the key of a code in KV. */
export type TokenDigest = Branded<'TokenDigest'>
/**
 * SHA-256 of an opaque access token or a browser's token, base64url: the key of its session in KV. A signed access token has
 * no session in KV, and its key is the first 16 bytes of SHA-256 of its `jti`.
 */
export type SessionKey = Branded<'SessionKey'>
/** SHA-256 of a client's secret, lower-case hex. */
export type SecretDigest = Branded<'SecretDigest'>
/** A redirect URI that a client's record lists. */
export type RegisteredRedirectUri = Branded<'RegisteredRedirectUri'>
/** A URI that matches a registered redirect URI, so the browser may be redirected to it. Only `approveRedirect` makes one. */
export type ApprovedRedirectUri = Branded<'ApprovedRedirectUri'>
