/** The signature algorithms that others may use towards us: asymmetric ones alone (RFC 8725 §3.1, §3.2). */

/** `Ed25519` is the name that RFC 9864 gives to what `EdDSA` has meant so far. */
export const SIGNATURE_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] as const

const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Is there anything in this key that only its owner may know? (RFC 7518 §6.2.2, §6.3.2, §6.4.1) */
export const holdsSecret = (jwk: object) => SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name))
