/** The acts of the administrator: rotates a secret with an overlap, withdraws a scope and authorizes it again. */

import { setTimeout as wait } from 'node:timers/promises'
import {
  ALL_SESSIONS_MS,
  goodSecret,
  REPAIRED_MS,
  recordRevocation,
  recordRevocationStart,
  recordRotation,
} from './truth.ts'
import { CLIENT_CACHE_MS, newestOf, SPARE_SCOPE, type World } from './world.ts'

const OVERLAP_SECONDS = 8

/** Repeats a command that fails while the service is down. */
async function insist(world: World, words: readonly string[]): Promise<Record<string, string>> {
  for (;;) {
    const done = await world.administer(words)
    if (done) return done
  }
}

export async function rotateSecret(world: World): Promise<void> {
  const { rotated } = world.clients
  const former = newestOf(rotated)
  const begunMs = Date.now()
  // Until the command ends, the time at which the old secret becomes invalid is unknown.
  recordRotation(former, OVERLAP_SECONDS * 1000, begunMs, Number.POSITIVE_INFINITY)
  const words = [
    'client',
    'rotate-secret',
    rotated.id,
    '--overlap-seconds',
    String(OVERLAP_SECONDS),
  ]
  const { client_secret = '' } = await insist(world, words)
  recordRotation(former, OVERLAP_SECONDS * 1000, begunMs, Date.now())
  rotated.secrets.push(goodSecret(client_secret))
}

/** Withdrawing a scope revokes the client's tokens: see the table of docs/revocation.md. */
export async function withdrawScope(world: World): Promise<void> {
  const { id } = world.clients.spare
  const issuedBefore = world.tokens.filter(({ clientId }) => clientId === id)
  const begunMs = Date.now()
  Object.assign(world.spare, { state: 'either', sinceMs: begunMs })
  for (const token of issuedBefore) recordRevocationStart(token, begunMs)
  await insist(world, ['client', 'withdraw', id, '--scope', SPARE_SCOPE])
  const endedMs = Date.now()
  const repairMs = world.service.wasDown(begunMs, endedMs) ? REPAIRED_MS : 0
  const withinMs = ALL_SESSIONS_MS + repairMs
  for (const token of issuedBefore) recordRevocation(token, endedMs, withinMs, 'scope withdrawn')
  Object.assign(world.spare, { state: 'withdrawn', sinceMs: endedMs, withinMs })
}

export async function authorizeScope(world: World): Promise<void> {
  // Waits until no cached record is older than the withdrawal, because a token from such a record is already revoked.
  await wait(Math.max(0, world.spare.sinceMs + CLIENT_CACHE_MS - Date.now()))
  Object.assign(world.spare, { state: 'either', sinceMs: Date.now() })
  await insist(world, ['client', 'authorize', world.clients.spare.id, '--scope', SPARE_SCOPE])
  Object.assign(world.spare, { state: 'authorized', sinceMs: Date.now() })
}
