/** Sanitizes a caller's text for the operator's log: the result is short and printable, and has no credentials. */

import { TOKEN_PREFIXES } from '../crypto/token.ts'

const PREFIXES = Object.values(TOKEN_PREFIXES).join('|')
/** Matches a credential of the registry, or most of one: callers send credentials in wrong parameters. */
const CREDENTIAL = new RegExp(`(${PREFIXES})[A-Za-z0-9_-]{8,}`, 'g')
/** Matches a signed token or another JWT, or most of one. */
const JWT = /eyJ[\w-]{8,}(?:\.[\w-]*)*/g
/** Matches all other characters, which could be control sequences for a terminal. */
const UNPRINTABLE = /[^\x20-\x7e]/g
const MAX_QUOTED_LENGTH = 64
/** Analytics Engine accepts no longer index of a data point. */
const MAX_INDEX_BYTES = 96

export const withoutCredentials = (text: string) =>
  text.replace(CREDENTIAL, '$1(hidden)').replace(JWT, 'eyJ(hidden)')

export function sanitized(text: string, maxLength: number): string {
  const clean = withoutCredentials(text).replace(UNPRINTABLE, '?')
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 3)}...` : clean
}

export const quoted = (text: string) => `"${sanitized(text, MAX_QUOTED_LENGTH)}"`

/** The index of a data point about this client. The id is ASCII, and may be the address of a metadata document. */
export const dataPointIndex = (clientId: string) => clientId.slice(0, MAX_INDEX_BYTES)
