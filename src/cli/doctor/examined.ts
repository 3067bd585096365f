/** What the checks of the doctor look at. */

import type { WorkerName } from '../../config.ts'
import type { Configs } from '../../local/deploy-problems.ts'
import type { ManagementApi } from '../api.ts'
import { type Check, notChecked, type Verdict } from './check.ts'
import { once, type Trial } from './trial.ts'

/** How long a promise may take. */
export type Bounds = Readonly<{ seenSeconds: number; revokedSeconds: number }>

/** The part of the API's answer that the doctor reads. */
type Status = Readonly<{
  schema: Readonly<{ applied_at: string; migrations: readonly string[] }> | null
  settings: Readonly<{ LOGIN_URL: string | null }>
  cron: readonly Readonly<{ task: string; ran_at: string; removed: number }>[]
  /** Null without WEBHOOK_URL. */
  webhook: Readonly<{ waiting: number; oldest_at: string | null; failure: string | null }> | null
  permissions: Readonly<{
    operators: number
    administrators: number
    declared_scopes: number
    undeclared_scopes: readonly string[]
  }>
}>

/** The management API, for the checks. */
export type Administered = Readonly<{
  /** Asked once in a run. */
  status: () => Promise<Status>
  trial: Trial
}>

export function statusOf(api: ManagementApi): Administered['status'] {
  return once(async () => (await api.call<Status>({ method: 'GET', path: '/status' })).body)
}

export type Examined = Configs &
  Readonly<{
    isDeployed: boolean
    /** Null: the credential of an operator is not at hand. */
    api: Administered | null
    issuer: string
    /** Null: not known. */
    authenticatorUrl: string | null
    /** Epoch seconds; null: not known. */
    startedAt: number | null
    /** The secrets that a deployed worker has. Null on this machine, and without Cloudflare's API. */
    secretNames: ((worker: WorkerName) => Promise<readonly string[]>) | null
    /** The authenticator's; null: not known, or it signs with keys of its own. */
    jwtSecret: string | null
    /** For the authenticator; null: not known. */
    proxySecret: string | null
    bounds: Bounds
  }>

/** A check that needs the management API. */
export const overApi =
  (run: (api: Administered, examined: Examined) => Promise<Verdict>): Check['run'] =>
  async (examined) =>
    examined.api === null
      ? notChecked('the credential of an operator is not at hand')
      : run(examined.api, examined)
