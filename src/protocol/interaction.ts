/**
 * How a request may involve the user (OpenID Connect Core 1.0 §3.1.2.1): `prompt` and `max_age`. There is no ID token, so a
 * client learns that the user signed in when it gets a code.
 */

import { OAuthError } from './errors.ts'
import type { Fields } from './fields.ts'
import { quoted } from './sanitize.ts'

export const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const

/** The registry's own parameter: when the user was last sent to sign in for this request, in epoch seconds. */
export const ASKED_AT = 'asked_at'
/** After this time the user has to sign in again. */
const SIGN_IN_SECONDS = 3600

export type Interaction = Readonly<{
  /** True if no page may be shown: `prompt=none`. */
  isSilent: boolean
  /** No remembered consent counts. `select_account` sets this too: the page lets another user sign in. */
  asksAgain: boolean
  signsIn: boolean
  /** The longest time since the user signed in; null if any time is accepted. */
  maxAgeSeconds: number | null
  askedAt: number | null
}>

const promptsIn = (fields: Fields) => (fields.get('prompt') ?? '').split(' ').filter(Boolean)

const isAlone = (prompts: readonly string[]) => prompts.every((prompt) => prompt === 'none')

/** Is called before the whole request is read. A malformed `prompt` is not silent. */
export const isSilent = (fields: Fields) => {
  const prompts = promptsIn(fields)
  return prompts.length > 0 && isAlone(prompts)
}

/** Does the request depend on when the user signed in? */
export const demandsSignIn = (fields: Fields) =>
  promptsIn(fields).includes('login') || fields.has('max_age')

/** Throws `invalid_request`. */
export function readInteraction(fields: Fields): Interaction {
  const prompts = promptsIn(fields)
  const isKnown = prompts.every((prompt) => PROMPTS.some((known) => known === prompt))
  if (!isKnown || (prompts.includes('none') && !isAlone(prompts))) {
    throw new OAuthError(
      'invalid_request',
      'The parameter prompt must be none, or some of login, consent and select_account.',
      { detail: `prompt ${quoted(prompts.join(' '))}` },
    )
  }
  const maxAgeSeconds = readSeconds(fields, 'max_age')
  return {
    isSilent: isSilent(fields),
    asksAgain: prompts.includes('consent') || prompts.includes('select_account'),
    // OpenID Connect Core 1.0 §3.1.2.1: `max_age=0` means the same as `prompt=login`, also within the second of a sign-in.
    signsIn: prompts.includes('login') || maxAgeSeconds === 0,
    maxAgeSeconds,
    askedAt: readSeconds(fields, ASKED_AT),
  }
}

function readSeconds(fields: Fields, name: string): number | null {
  const text = fields.get(name)
  if (text === undefined) return null
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new OAuthError('invalid_request', `The parameter ${name} must be a number of seconds.`)
}

/** What must happen before a session that began at `signedInAt` is accepted. Both moments in epoch seconds. */
export function signInFor(
  { signsIn, maxAgeSeconds, askedAt }: Interaction,
  signedInAt: number,
  now: number,
): 'none' | 'ask' | 'asked' {
  const isAsked = askedAt !== null && now - askedAt <= SIGN_IN_SECONDS
  if (isAsked && signedInAt >= askedAt) return 'none'
  const isTooOld = maxAgeSeconds !== null && now - signedInAt > maxAgeSeconds
  if (!signsIn && !isTooOld) return 'none'
  return isAsked ? 'asked' : 'ask'
}
