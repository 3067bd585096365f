/** Access tokens for the management API: how they are bought at `/token`. */

import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writePrivateFile } from '../local/files.ts'
import { oneLine, Refusal } from '../local/refusal.ts'
import type { Document } from './api.ts'
import { reasonOf, send } from './http.ts'

/** A token that ends within this time is not used, because the request takes time and clocks differ. */
const SPARE_SECONDS = 30

export type Server = Readonly<{
  /** The address that requests are sent to. */
  url: string
  /** The registry's name, which proofs and assertions must contain. */
  issuer: string
}>

export type Tokens = Readonly<{
  /** The headers of one request. `path` has no query. */
  headersFor: (method: string, path: string) => Promise<Readonly<Record<string, string>>>
  /** Gets another token after a refusal. Returns false if there is no other token. */
  renew: () => Promise<boolean>
}>

/** The members have the names that the files have. */
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

/** The held token is used until it ends or is refused. A token that was just received is not replaced if it is refused. */
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

/** Throws a Refusal if no response arrives. */
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

/** Throws a Refusal, and a TokenRefusal if the registry refuses the credential. */
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

/** Writes the file in a folder for its owner alone, and makes the folder if it is missing. */
export async function writeKept(file: string, value: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writePrivateFile(file, `${JSON.stringify(value)}\n`)
}
