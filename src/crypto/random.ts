/** Randomness from the platform, as text. */

import { encode } from 'jose/base64url'

/** 256 bits, 43 characters of base64url. */
export const randomText = () => encode(crypto.getRandomValues(new Uint8Array(32)))

/** A public identifier: unique, not secret. */
export const randomId = () => crypto.randomUUID()
