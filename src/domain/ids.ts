/** Strings that must not be taken for one another. A brand is given only where its value is made, read or checked. */

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** From the client's row, or as a request presents it. */
export type ClientId = Branded<'ClientId'>
/** SHA-256 of a code or a refresh token, base64url: its key in D1, and a code's in KV. */
export type TokenDigest = Branded<'TokenDigest'>
/** SHA-256 of an access token or a browser's token, base64url: the key of its session in KV. */
export type SessionKey = Branded<'SessionKey'>
/** SHA-256 of a client's secret, lower-case hex. */
export type SecretDigest = Branded<'SecretDigest'>
/** Listed in a client's record. */
export type RegisteredRedirectUri = Branded<'RegisteredRedirectUri'>
/** Found to be the client's own: the browser may be sent there. Only `approveRedirect` makes one. */
export type ApprovedRedirectUri = Branded<'ApprovedRedirectUri'>
