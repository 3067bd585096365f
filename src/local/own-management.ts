/**
 * Runs the management Worker in this process, on a state that no registry serves. The caller holds the state's lock and could
 * write anything, so it gives itself a session as the operator instead of a token from `/token`. No row is written for this.
 */

import { setTimeout as wait } from 'node:timers/promises'
import type { Miniflare } from 'miniflare'
import { sessionKeyOf } from '../crypto/digest.ts'
import { randomId, randomText } from '../crypto/random.ts'
import { mintToken } from '../crypto/token.ts'
import type { SecretDigest } from '../domain/ids.ts'
import { ADMIN_SCOPE, REGISTRY_TOKEN_SECONDS } from '../domain/registry-scopes.ts'
import type { SessionRecord } from '../domain/session.ts'
import { D1_NOW_MS } from '../stores/database.ts'
import { buildWorker } from './build-worker.ts'
import { jsonIn } from './files.ts'
import { OPERATOR_ID, operatorClient } from './operators.ts'
import { CONFIG_PATHS } from './project.ts'
import { HOST } from './run-workers.ts'
import { openState } from './state.ts'
import { isBusy, isPerhapsBusy, retryWhenBusy } from './state-lock.ts'
import { readWranglerConfig } from './wrangler-config.ts'

const LOG_WITHIN_MS = 500
const LOG_EVERY_MS = 20

const NOW_SQL = `SELECT ${D1_NOW_MS} AS now`

/** `nowMs`: the moment by D1's clock, which dates revocations too. */
export function operatorSession(nowMs: number): SessionRecord {
  const { clientId, fields } = operatorClient(OPERATOR_ID, '' as SecretDigest)
  return {
    session_id: randomId(),
    start_time: new Date(nowMs).toISOString(),
    end_time: new Date(nowMs + REGISTRY_TOKEN_SECONDS * 1000).toISOString(),
    user: null,
    client: {
      client_id: clientId,
      owner_id: fields.ownerId,
      name: fields.name,
      url: fields.url,
      description: fields.description,
      redirect_uri: '',
    },
    authorizations: { classic: 0, scopes: [ADMIN_SCOPE], endorsements: [] },
    audience: [],
    ip_address: '',
    remote_host: '',
    nonce: randomText(),
  }
}

type OwnManagement = Readonly<{
  token: string
  /** `target` is a path with its query. */
  dispatch: (target: string, init: RequestInit) => ReturnType<Miniflare['dispatchFetch']>
  /** The last fault in the Worker's log, which is not shown otherwise. */
  lastFault: () => string | null
  close: () => Promise<void>
}>

/** Null if the line is not about a fault. */
function faultIn(line: string): string | null {
  const { outcome, detail } = Object(jsonIn(line)) as Readonly<Record<string, unknown>>
  return outcome === 'fault' && typeof detail === 'string' ? detail : null
}

let built: Promise<string> | undefined
const managementModule = (main: string) => {
  built ??= buildWorker(main)
  return built
}

/** Applies the migrations. `vars` are the settings. The caller holds the state's lock and must close the result. */
export async function openOwnManagement(
  stateDir: string,
  vars: Readonly<Record<string, string>>,
): Promise<OwnManagement> {
  const config = readWranglerConfig(CONFIG_PATHS.management)
  const module = await managementModule(config.main)
  let fault: string | null = null
  const hear = (line: string) => {
    fault = faultIn(line) ?? fault
  }
  // The webhook is off here: the cron of the registry sends its events when the registry runs.
  const own = { ...vars, WEBHOOK_URL: '' }
  const state = await openState(stateDir, config, { module, vars: own, hear })
  const { db, sessions, runtime } = state
  try {
    const token = mintToken('accessToken')
    const key = await sessionKeyOf(token)
    const readNow = () => db.prepare(NOW_SQL).first<number>('now')
    const nowMs = (await retryWhenBusy(readNow, isPerhapsBusy)) ?? Number.NaN
    await sessions.put(key, JSON.stringify(operatorSession(nowMs)), {
      expirationTtl: REGISTRY_TOKEN_SECONDS,
    })
    return {
      token,
      lastFault: () => fault,
      dispatch: (target, init) =>
        retryWhenBusy(async () => {
          fault = null
          const response = await runtime.dispatchFetch(`http://${HOST}${target}`, init as never)
          if (response.status < 500) return response
          // The log may arrive later than the response, so this waits for it.
          for (let waited = 0; fault === null && waited < LOG_WITHIN_MS; waited += LOG_EVERY_MS) {
            await wait(LOG_EVERY_MS)
          }
          // Nothing was written, because `wrangler dev` was writing on the same state.
          if (isBusy(fault)) throw new Error(String(fault))
          return response
        }),
      async close() {
        try {
          await sessions.delete(key)
        } finally {
          await state.close()
        }
      },
    }
  } catch (fault) {
    await state.close()
    throw fault
  }
}
