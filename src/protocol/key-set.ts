/** A public JWK Set over HTTP (RFC 7517 §8.5). */

export const KEY_SET_PATH = '/jwks.json'
export const KEY_SET_TYPE = 'application/jwk-set+json'
/** How long anyone may keep it. */
export const KEY_SET_SECONDS = 300

/** The registry says in it, to the management worker alone, whether it has keys: `yes` or `no`. */
export const SIGNS_HEADER = 'Registry-Signs'
