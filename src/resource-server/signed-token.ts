/** Access tokens that are JWTs (RFC 9068): their form, and what their claims must say. */

/** A token is sent in a header. Longer than a registry's tokens with every scope that a session may have. */
const MAX_LENGTH = 8192
const FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/

export const isSignedToken = (token: string) => token.length <= MAX_LENGTH && FORM.test(token)
