/** What an administrator may type for each option. Each check returns the value to keep or throws a Refusal. */

import { AUDIT_EVENTS } from '../domain/audit.ts'
import { isEndorsement } from '../domain/category.ts'
import { AUTH_METHODS, GRANT_TYPES } from '../domain/client.ts'
import { isScope, SCOPE_RULE } from '../domain/scope.ts'
import { usernameKey } from '../domain/user.ts'
import { Refusal } from '../local/refusal.ts'

const MIN_PASSWORD_CHARACTERS = 8
/** As JSON, which is one line. */
const quote = (text: string) => JSON.stringify(text)

export function checkText(text: string, option: string): string {
  if (text.trim() === '') throw new Refusal(`${option} must not be empty`)
  return text
}

/** Empty: there is none. */
export function checkUrl(text: string, option: string): string {
  if (text === '') return text
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new Refusal(`${option} ${quote(text)} is not an http or https URL`)
  }
  return text
}

const oneOf =
  <T extends string>(known: readonly T[], what: string) =>
  (text: string): T => {
    const found = known.find((one) => one === text)
    if (found) return found
    throw new Refusal(`unknown ${what} ${quote(text)}: it is one of ${known.join(', ')}`)
  }

export const checkAuthMethod = oneOf(AUTH_METHODS, 'authentication method')
export const checkGrantType = oneOf(GRANT_TYPES, 'grant type')
export const checkEvent = oneOf(AUDIT_EVENTS, 'event')

export function checkScope(text: string): string {
  if (isScope(text)) return text
  throw new Refusal(`${quote(text)} is not a scope: a scope ${SCOPE_RULE}`)
}

export function checkEndorsement(text: string): string {
  if (isEndorsement(text)) return text
  throw new Refusal(
    text === '*'
      ? 'endorsement "*": write *.* for every category'
      : `${quote(text)} is not an endorsement: write a category (cs.DL), an archive (cs.*) or *.*`,
  )
}

/** Normalized to NFC. */
export function checkUsername(text: string): string {
  const name = text.normalize('NFC')
  if (/^[^\s\p{Cc}\p{Cs}\p{Bidi_Control}]+$/u.test(name) && usernameKey(name) !== '') return name
  throw new Refusal('--username must be one word, without spaces and control characters')
}

export function checkEmail(text: string): string {
  if (/^[^\s@]+@[^\s@]+$/u.test(text)) return text
  throw new Refusal(`--email ${quote(text)} is not an e-mail address`)
}

/** No message repeats the password. */
export function checkPassword(text: string): string {
  if (text === '') throw new Refusal('the password must not be empty')
  if ([...text].length < MIN_PASSWORD_CHARACTERS) {
    throw new Refusal(`the password must have at least ${MIN_PASSWORD_CHARACTERS} characters`)
  }
  if (text.includes('\0')) throw new Refusal('the password must not hold a NUL')
  return text
}

export function checkCount(text: string, option: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Refusal(`${option} ${quote(text)} is not a whole number, one or more`)
}

export function checkSeconds(text: string, option: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds <= 2 ** 31) return seconds
  throw new Refusal(`${option} ${quote(text)} is not a whole number of seconds, zero or more`)
}

/** KV keeps nothing for less than 60 s. */
const SHORTEST_TOKEN_SECONDS = 60
const LONGEST_TOKEN_SECONDS = 2_592_000

/** Null: as long as SESSION_LIFETIME_SECONDS. */
export function checkAccessTokenLifetime(text: string, option: string): number | null {
  if (text === '') return null
  const seconds = Number(text)
  const isInRange = seconds >= SHORTEST_TOKEN_SECONDS && seconds <= LONGEST_TOKEN_SECONDS
  if (/^\d+$/.test(text) && isInRange) return seconds
  throw new Refusal(
    `${option} ${quote(text)} is not a whole number of seconds from ${SHORTEST_TOKEN_SECONDS} to ` +
      `${LONGEST_TOKEN_SECONDS}, nor "" for SESSION_LIFETIME_SECONDS`,
  )
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A date of ISO 8601, without a zone UTC, or a duration before `now`. Returns epoch seconds. */
export function checkSince(text: string, now: number): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  if (count !== undefined) return Math.max(0, now - Number(count) * (UNIT_SECONDS[unit] as number))
  const [, day, time = 'T00:00', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d)?)?(Z|[+-]\d\d:\d\d)?$/.exec(text) ?? []
  const moment = Date.parse(`${day}${time}${zone}`)
  if (Number.isFinite(moment)) return Math.floor(moment / 1000)
  throw new Refusal(
    `--since ${quote(text)} is neither a date, as in 2026-10-01, nor how long ago, as in 30d`,
  )
}
