/** The session record: one shape for access tokens and browser sessions, which other services read. */

import type { Client } from './client.ts'
import type { User } from './user.ts'

/** The record is stored in KV and copied into the JWT, so it is a public interface. Times are ISO 8601, UTC. */
export type SessionRecord = Readonly<{
  session_id: string
  start_time: string
  end_time: string
  user: Readonly<{ user_id: string; username: string; email: string }> | null
  client: Readonly<{
    client_id: string
    owner_id: string
    name: string
    url: string
    description: string
    redirect_uri: string
  }> | null
  authorizations: Readonly<{
    classic: number
    scopes: readonly string[]
    endorsements: readonly string[]
  }>
  /** URIs of the resources that the token is for (RFC 8707); empty if it is for no particular resource. */
  audience: readonly string[]
  ip_address: string
  remote_host: string
  nonce: string
  /** RFC 9449 §6, RFC 7800: the key that must sign the proofs for the token. Absent for a bearer token. */
  cnf?: Readonly<{ jkt: string }>
  /** When the first of the records that the session depends on was read, by D1's clock. See revocation.ts. */
  as_of?: string
  /** When the client's record was read, if an earlier request read the record. */
  client_as_of?: string
}>

export type NewSession = Readonly<{
  sessionId: string
  nonce: string
  user: User | null
  client: Client | null
  redirectUri: string
  scopes: readonly string[]
  endorsements: readonly string[]
  audience: readonly string[]
  ipAddress: string
  /** Thumbprint of the key that the token is bound to, or null. */
  jkt: string | null
  /**
   * Epoch milliseconds by D1's clock, not later than the reads that the session depends on. The exception is a client's
   * record from an earlier request, which has its own `readAtMs`. A revocation at this moment or later ends the session.
   */
  asOfMs: number
  /** Epoch milliseconds. */
  startAtMs: number
  lifetimeSeconds: number
}>

const isoTime = (epochMs: number) => new Date(epochMs).toISOString()

export const sessionRecord = (session: NewSession): SessionRecord => ({
  session_id: session.sessionId,
  start_time: isoTime(session.startAtMs),
  end_time: isoTime(session.startAtMs + session.lifetimeSeconds * 1000),
  user: session.user && {
    user_id: session.user.userId,
    username: session.user.username,
    email: session.user.email,
  },
  client: session.client && {
    client_id: session.client.clientId,
    owner_id: session.client.ownerId,
    name: session.client.name,
    url: session.client.url,
    description: session.client.description,
    redirect_uri: session.redirectUri,
  },
  authorizations: {
    classic: 0,
    scopes: session.scopes,
    endorsements: session.endorsements,
  },
  audience: session.audience,
  ip_address: session.ipAddress,
  remote_host: session.ipAddress,
  nonce: session.nonce,
  ...(session.jkt !== null && { cnf: { jkt: session.jkt } }),
  as_of: isoTime(session.asOfMs),
  ...(session.client !== null &&
    session.client.readAtMs < session.asOfMs && { client_as_of: isoTime(session.client.readAtMs) }),
})

/** The values for what an access token does not tell of its client and of the request for it. */
export const UNTOLD = {
  client: { owner_id: '', name: '', url: '', description: '', redirect_uri: '' },
  request: { ip_address: '', remote_host: '', nonce: '' },
} as const

/** Epoch seconds at which the session ends; NaN if `end_time` is not ISO 8601. */
export const endOf = (session: SessionRecord) => Math.floor(Date.parse(session.end_time) / 1000)
