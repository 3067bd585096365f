/** A remembered consent: what a user agreed to for a client, and when that still answers a new request. */

import { type Client, isPublic } from './client.ts'
import { endorsementSentence, scopeSentence } from './scope-catalogue.ts'

/** After so long unused it is forgotten: longer than any authorization can be renewed (`REFRESH_LIFETIME_SECONDS`). */
export const FORGET_CONSENT_SECONDS = 400 * 86_400

/** The latest answer of a user to a client. */
export type Consent = Readonly<{
  /** The exact set agreed to, as `formatScopes` writes it. */
  scopes: string
  /** Digest of the terms agreed to; empty when they may not answer for the user any more. */
  fingerprint: string
}>

/** A consent that a refusal took back: no digest is empty. */
export const WITHDRAWN_FINGERPRINT = ''

/**
 * All that a user decides on. The consent page shows a client by nothing else, and the fingerprint is the digest of
 * the whole, so that nothing can be shown and not be part of what was agreed to.
 */
export type ConsentTerms = Readonly<{
  client: Readonly<{
    clientId: string
    name: string
    ownerId: string
    url: string
    description: string
    /** Not on the page. A new one is another place that a remembered consent would lead to. */
    redirectUris: readonly string[]
  }>
  /** Where the answer goes, for people: `client.example`, `127.0.0.1:5000`, `com.example.app:`. */
  returnsTo: string
  scopes: readonly Readonly<{ scope: string; sentence: string }>[]
  /** One sentence each. */
  endorsements: readonly string[]
}>

type Offered = Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>

export const consentTerms = (
  client: Client,
  returnsTo: string,
  { scopes, endorsements }: Offered,
): ConsentTerms => {
  const { clientId, name, ownerId, url, description, redirectUris } = client
  return {
    client: { clientId, name, ownerId, url, description, redirectUris },
    returnsTo,
    scopes: scopes.map((scope) => ({ scope, sentence: scopeSentence(scope) })),
    endorsements: endorsements.map(endorsementSentence),
  }
}

/** The terms as they would have been, had only these scopes been offered. */
export const narrowedTerms = (terms: ConsentTerms, scopes: readonly string[]): ConsentTerms => ({
  ...terms,
  scopes: terms.scopes.filter(({ scope }) => scopes.includes(scope)),
})

/**
 * May a remembered consent answer for this client at this address? Not for a public client on a loopback or
 * private-use address: anything on the device could pose as it (RFC 6749 §10.2, RFC 8252 §8.6).
 */
export const mayRememberConsent = (client: Client, redirectUri: string) =>
  !isPublic(client) || redirectUri.startsWith('https://')
