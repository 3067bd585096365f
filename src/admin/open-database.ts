/** Which database a command works on, and how it gets there. Whatever is slow to import is imported when needed. */

import { claimState } from '../operate/claim-state.ts'
import { REGISTRY_CONFIG, stateDirectory } from '../operate/project.ts'
import { Refusal } from '../operate/refusal.ts'
import { retryWhenBusy } from '../operate/retry-when-busy.ts'
import type { Database } from '../stores/database.ts'
import { d1OverHttp } from './d1-http.ts'

type Environment = Readonly<Record<string, string | undefined>>
type Work<T> = (db: Database) => Promise<T>

const CLOUDFLARE_API = 'https://api.cloudflare.com/client/v4'

function required(env: Environment, name: string): string {
  const value = env[name]
  if (!value) throw new Refusal(`--remote needs ${name} in the environment`)
  return value
}

async function onDeployed<T>(env: Environment, work: Work<T>): Promise<T> {
  const token = required(env, 'CLOUDFLARE_API_TOKEN')
  const accountId = required(env, 'CLOUDFLARE_ACCOUNT_ID')
  const baseUrl = env.CLOUDFLARE_API_BASE_URL || CLOUDFLARE_API
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new Refusal('CLOUDFLARE_API_BASE_URL: must be an http or https URL')
  }
  const { databaseOf, readWranglerConfig } = await import('../operate/wrangler-config.ts')
  const { database_id: databaseId } = databaseOf(readWranglerConfig(REGISTRY_CONFIG))
  return work(d1OverHttp({ baseUrl: baseUrl.replace(/\/+$/, ''), accountId, databaseId, token }))
}

async function onState<T>(stateDir: string, work: Work<T>): Promise<T> {
  const { openState } = await import('../operate/state.ts')
  const { readWranglerConfig } = await import('../operate/wrangler-config.ts')
  const state = await openState(stateDir, readWranglerConfig(REGISTRY_CONFIG))
  try {
    return await retryWhenBusy(() => work(state.database))
  } finally {
    await state.close()
  }
}

/** Through the running registry where there is one: it alone writes its state. */
async function onLocal<T>(env: Environment, work: Work<T>): Promise<T> {
  const stateDir = stateDirectory(env)
  const claim = await claimState(stateDir)
  if (claim.kind === 'served') {
    const { url: baseUrl, token } = claim.by
    return work(d1OverHttp({ baseUrl, accountId: 'local', databaseId: 'local', token }))
  }
  try {
    return await onState(stateDir, work)
  } finally {
    claim.release()
  }
}

/** `work` may be repeated when it met a lock: until its one batch succeeds, nothing is written. */
export const withDatabase = <T>(
  where: Readonly<{ remote: boolean; env: Environment }>,
  work: Work<T>,
): Promise<T> => (where.remote ? onDeployed(where.env, work) : onLocal(where.env, work))
