/** Opens the D1 and KV that a command works on. What is slow to import is imported when it is needed. */

import { type Environment, REGISTRY_CONFIG, stateDirectory } from '../local/project.ts'
import { Refusal } from '../local/refusal.ts'
import type { Storage } from '../local/state.ts'
import { claimState, retryWhenBusy } from '../local/state-lock.ts'
import type { Api } from './cloudflare-api.ts'
import { d1OverHttp, kvOverHttp } from './storage-http.ts'

type Work<T> = (storage: Storage) => Promise<T>

const CLOUDFLARE_API = 'https://api.cloudflare.com/client/v4'

/** A running registry knows its namespaces by their bindings. */
const LOCAL_IDS = { db: 'DB', sessions: 'SESSIONS', codes: 'CODES' }

function required(env: Environment, name: string): string {
  const value = env[name]?.trim()
  if (!value) throw new Refusal(`--remote needs ${name} in the environment`)
  return value
}

const overHttp = (
  api: Api,
  ids: Readonly<{ db: string; sessions: string; codes: string }>,
): Storage => ({
  db: d1OverHttp(api, ids.db),
  sessions: kvOverHttp(api, ids.sessions),
  codes: kvOverHttp(api, ids.codes),
})

/** Cloudflare's API, with the operator's own token. */
export function deployedApi(env: Environment): Api {
  const token = required(env, 'CLOUDFLARE_API_TOKEN')
  const accountId = required(env, 'CLOUDFLARE_ACCOUNT_ID')
  const baseUrl = env.CLOUDFLARE_API_BASE_URL || CLOUDFLARE_API
  if (!/^https?:\/\//.test(baseUrl) || !URL.canParse(baseUrl)) {
    throw new Refusal('CLOUDFLARE_API_BASE_URL: must be an http or https URL')
  }
  return { baseUrl: baseUrl.replace(/\/+$/, ''), accountId, token }
}

async function onDeployed<T>(env: Environment, work: Work<T>): Promise<T> {
  const api = deployedApi(env)
  const { codesOf, databaseOf, readWranglerConfig, sessionsOf } = await import(
    '../local/wrangler-config.ts'
  )
  const config = readWranglerConfig(REGISTRY_CONFIG)
  const db = databaseOf(config).database_id
  return work(overHttp(api, { db, sessions: sessionsOf(config), codes: codesOf(config) }))
}

async function onState<T>(stateDir: string, work: Work<T>): Promise<T> {
  const { openState } = await import('../local/state.ts')
  const { readWranglerConfig } = await import('../local/wrangler-config.ts')
  const state = await openState(stateDir, readWranglerConfig(REGISTRY_CONFIG))
  try {
    return await retryWhenBusy(() => work(state))
  } finally {
    await state.close()
  }
}

/** A running registry alone writes its state, so commands go through it. */
async function onLocal<T>(env: Environment, work: Work<T>): Promise<T> {
  const stateDir = stateDirectory(env)
  const claim = await claimState(stateDir)
  if (claim.kind === 'served') {
    const { url: baseUrl, token } = claim.by
    return work(overHttp({ baseUrl, accountId: 'local', token, isLocal: true }, LOCAL_IDS))
  }
  try {
    return await onState(stateDir, work)
  } finally {
    claim.release()
  }
}

/** A lock makes `work` run again: until its one batch succeeds, nothing is written. */
export const withStorage = <T>(
  where: Readonly<{ remote: boolean; env: Environment }>,
  work: Work<T>,
): Promise<T> => (where.remote ? onDeployed(where.env, work) : onLocal(where.env, work))
