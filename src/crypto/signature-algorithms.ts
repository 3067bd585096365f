/** The signature algorithms that clients may use: asymmetric only (RFC 8725 §3.1, §3.2). */

/** `Ed25519` is RFC 9864's name for what `EdDSA` meant before. */
export const SIGNATURE_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] as const

const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Does the key have a private member? RFC 7518 §6.2.2, §6.3.2, §6.4.1. */
export const holdsSecret = (jwk: object) => SECRET_MEMBERS.some((name) => Object.hasOwn(jwk, name))
