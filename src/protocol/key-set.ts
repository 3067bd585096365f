/** A public JWK Set over HTTP (RFC 7517 §8.5). */

export const KEY_SET_PATH = '/jwks.json'
export const KEY_SET_TYPE = 'application/jwk-set+json'
/** How long a cache may keep the key set. */
export const KEY_SET_SECONDS = 300

/** The header in which the registry tells the management Worker alone whether it has keys: `yes` or `no`. */
export const SIGNS_HEADER = 'Registry-Signs'
