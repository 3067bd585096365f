/** Access tokens for the management API, bought at `/token` and kept until they end. */

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { readIfPresent, writePrivateFile } from '../local/files.ts'
import { oneLine, Refusal } from '../local/refusal.ts'
import { causeOf, wordsOf } from './network-faults.ts'

const TIMEOUT_MS = 30_000
/** A token that ends sooner is not used: the request takes time, and clocks differ. */
const SPARE_SECONDS = 30

/** A registry as it is addressed. */
export type Server = Readonly<{
  /** Where requests are sent. */
  url: string
  /** Its name: proofs and assertions are for this one. */
  issuer: string
}>

/** Proves who calls. */
export type Tokens = Readonly<{
  /** The headers of one request. `path` is without the query. */
  headersFor: (method: string, path: string) => Promise<Readonly<Record<string, string>>>
  /** The token was refused: gets another. False if there is no other. */
  renew: () => Promise<boolean>
}>

export type BoughtToken = Readonly<{
  accessToken: string
  refreshToken: string | null
  scope: string
  /** Epoch seconds. */
  expiresAt: number
}>

/** The token endpoint refused with an error of RFC 6749 §5.2. */
export class TokenRefusal extends Refusal {}

export const epochSeconds = () => Math.floor(Date.now() / 1000)

export const isUsable = ({ expiresAt }: Readonly<{ expiresAt: number }>) =>
  expiresAt - SPARE_SECONDS > epochSeconds()

/** Throws a Refusal when no answer comes. No redirect is followed: what is sent is for this address. */
export async function postForm(
  url: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<{ status: number; body: Readonly<Record<string, unknown>> }>> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: new URLSearchParams(fields),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const body = await response.json().catch(() => null)
    return { status: response.status, body: (body ?? {}) as Readonly<Record<string, unknown>> }
  } catch (fault) {
    throw new Refusal(
      `cannot reach the registry at ${new URL(url).origin}: ${oneLine(wordsOf(causeOf(fault)))}`,
    )
  }
}

const textIn = (value: unknown) => (typeof value === 'string' && value !== '' ? value : null)

/** Throws a Refusal: a TokenRefusal when the registry refuses what was shown. */
export async function buyToken(
  { url }: Server,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<BoughtToken> {
  const askedAt = epochSeconds()
  const { status, body } = await postForm(`${url}/token`, fields, headers)
  const accessToken = textIn(body.access_token)
  if (status === 200 && accessToken !== null) {
    return {
      accessToken,
      refreshToken: textIn(body.refresh_token),
      scope: textIn(body.scope) ?? '',
      expiresAt: askedAt + Number(body.expires_in),
    }
  }
  const error = textIn(body.error) ?? ''
  const why = textIn(body.error_description) ?? (error || 'no reason given')
  const words = `the registry at ${url} gives no token (${status}): ${oneLine(why)}`
  throw status < 500 && error !== '' ? new TokenRefusal(words) : new Refusal(words)
}

/** A token beside the credential that bought it, in a file for its owner alone. */
type KeptToken = Readonly<{ client_id: string; access_token: string; expires_at: number }>

/** In a folder for its owner alone, which is made where it is missing. */
export async function writeKept(file: string, value: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writePrivateFile(file, `${JSON.stringify(value)}\n`)
}

async function readKept(file: string, clientId: string): Promise<KeptToken | null> {
  try {
    const kept = JSON.parse((await readIfPresent(file)) ?? 'null') as KeptToken | null
    return kept?.client_id === clientId && isUsable({ expiresAt: kept.expires_at }) ? kept : null
  } catch {
    // It is bought again.
    return null
  }
}

/** Tokens of a client that authenticates. `buy` gets a new one. */
export function machineTokens(
  { clientId, file }: Readonly<{ clientId: string; file: string }>,
  buy: () => Promise<BoughtToken>,
): Tokens {
  let current: string | undefined
  let isNew = false
  async function bought(): Promise<string> {
    const { accessToken, expiresAt } = await buy()
    isNew = true
    const kept: KeptToken = {
      client_id: clientId,
      access_token: accessToken,
      expires_at: expiresAt,
    }
    // Without the file the next command buys another.
    await writeKept(file, kept).catch(() => {})
    return accessToken
  }
  return {
    async headersFor() {
      current ??= (await readKept(file, clientId))?.access_token ?? (await bought())
      return { Authorization: `Bearer ${current}` }
    },
    async renew() {
      if (isNew) return false
      current = await bought()
      return true
    },
  }
}
