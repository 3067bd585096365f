/** Access tokens for the management API: how they are bought at `/token`. */

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writePrivateFile } from '../local/files.ts'
import { oneLine, Refusal } from '../local/refusal.ts'
import type { Document } from './api.ts'
import { reasonOf, send } from './http.ts'

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

/** Named as in the files that keep it. */
export type BoughtToken = Readonly<{
  access_token: string
  refresh_token: string | null
  scope: string
  /** When the access token ends, in epoch seconds. */
  expires_at: number
}>

/** The token endpoint refused with an error of RFC 6749 §5.2. */
export class TokenRefusal extends Refusal {}

export const epochSeconds = () => Math.floor(Date.now() / 1000)

export const isUsable = (expiresAt: number) => expiresAt - SPARE_SECONDS > epochSeconds()

/**
 * What is held serves until it ends or is refused; then `next` gets another. One that was only just got is not replaced when
 * it is refused.
 */
export function tokensFrom<Held extends Readonly<{ expires_at: number }>>(
  first: Held | null,
  next: (refused: Held | null) => Promise<Held>,
  headersOf: (held: Held, method: string, path: string) => ReturnType<Tokens['headersFor']>,
): Tokens {
  let held = first
  let isNew = false
  const renew = async () => {
    held = await next(held)
    isNew = true
    return held
  }
  return {
    async headersFor(method, path) {
      const usable = held !== null && isUsable(held.expires_at) ? held : await renew()
      return headersOf(usable, method, path)
    },
    async renew() {
      if (isNew) return false
      await renew()
      return true
    },
  }
}

/** Throws a Refusal when no answer comes. */
export async function postForm(
  url: string,
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<{ status: number; body: Document }>> {
  try {
    const form = new URLSearchParams(fields)
    const response = await send(url, { method: 'POST', headers, body: form })
    const body = await response.json().catch(() => null)
    return { status: response.status, body: (body ?? {}) as Document }
  } catch (fault) {
    throw new Refusal(`cannot reach the registry at ${new URL(url).origin}: ${reasonOf(fault)}`)
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
  const access_token = textIn(body.access_token)
  if (status === 200 && access_token !== null) {
    return {
      access_token,
      refresh_token: textIn(body.refresh_token),
      scope: textIn(body.scope) ?? '',
      expires_at: askedAt + Number(body.expires_in),
    }
  }
  const error = textIn(body.error) ?? ''
  const why = textIn(body.error_description) ?? (error || 'no reason given')
  const words = `the registry at ${url} issued no token (${status}): ${oneLine(why)}`
  throw status < 500 && error !== '' ? new TokenRefusal(words) : new Refusal(words)
}

/** In a folder for its owner alone, which is made where it is missing. */
export async function writeKept(file: string, value: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writePrivateFile(file, `${JSON.stringify(value)}\n`)
}
