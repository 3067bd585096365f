/** A remembered consent: what a user agreed to for a client, and when that still answers a new request. */

import { type Client, isPublic } from './client.ts'

/** After so long unused it is forgotten: longer than any authorization can be renewed (`REFRESH_LIFETIME_SECONDS`). */
export const FORGET_CONSENT_SECONDS = 400 * 86_400

export type Consent = Readonly<{
  /** The exact set agreed to, as `formatScopes` writes it. */
  scopes: string
  /** Digest of what the page said of the client. */
  fingerprint: string
}>

/**
 * What the page says of a client besides its scopes. When any of it changes, the user is asked again.
 * The caller digests it.
 */
export const consentFingerprintOf = (client: Client, endorsements: readonly string[]) =>
  JSON.stringify([client.name, client.url, client.redirectUris, endorsements])

/**
 * May a remembered consent answer for this client at this address? Not for a public client on a loopback or
 * private-use address: anything on the device could pose as it (RFC 6749 §10.2, RFC 8252 §8.6).
 */
export const mayRememberConsent = (client: Client, redirectUri: string) =>
  !isPublic(client) || redirectUri.startsWith('https://')
