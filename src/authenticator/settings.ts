/** The authenticator's settings, read once per isolate. With a bad one it serves nothing. */

import { isLongEnough, MIN_SECRET_BYTES } from '../crypto/jws.ts'
import { isIssuer } from '../protocol/issuer.ts'

/** Everything that this worker binds: nothing here can issue a token. */
export type AuthenticatorEnv = Readonly<{
  SESSIONS: KVNamespace
  /** Only to ask for revocations at once (`/auth?fresh`); without it that is refused. */
  DB?: D1Database
  /** Data points are taken where it is bound. */
  EVENTS?: AnalyticsEngineDataset
  ISSUER: string
  JWT_SECRET: string
  /** How long a check waits for one answer of storage before it is 503. */
  STORAGE_TIMEOUT_SECONDS?: string | number
}>

const STORAGE_TIMEOUT_SECONDS = 5

/** An empty value counts as not set. */
export const storageTimeoutOf = ({ STORAGE_TIMEOUT_SECONDS: given }: Partial<AuthenticatorEnv>) =>
  given === undefined || given === '' ? STORAGE_TIMEOUT_SECONDS : Number(given)

/** In one sentence, without the value; null if there is nothing to say. */
export function settingProblem(env: Partial<AuthenticatorEnv>): string | null {
  if (!env.SESSIONS) return 'SESSIONS: the KV namespace must be bound'
  if (!isIssuer(env.ISSUER ?? '')) {
    return 'ISSUER: must be an https origin, or http on a loopback address, without a path'
  }
  if (!isLongEnough(env.JWT_SECRET ?? '')) {
    return `JWT_SECRET: must be at least ${MIN_SECRET_BYTES} bytes`
  }
  const waitSeconds = storageTimeoutOf(env)
  if (!Number.isInteger(waitSeconds) || waitSeconds < 1 || waitSeconds > 30) {
    return 'STORAGE_TIMEOUT_SECONDS: must be a whole number from 1 to 30'
  }
  return null
}
