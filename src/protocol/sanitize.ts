/** A caller's own words, made fit for the operator's log: short, printable, and without a credential in them. */

import { TOKEN_PREFIXES } from '../crypto/token.ts'

const PREFIXES = Object.values(TOKEN_PREFIXES).join('|')
/** A credential of ours, or the better part of one: people put them where they do not belong. */
const CREDENTIAL = new RegExp(`(${PREFIXES})[A-Za-z0-9_-]{8,}`, 'g')
/** Printable ASCII alone, so that nothing reaches a terminal that could command it. */
const UNPRINTABLE = /[^\x20-\x7e]/g
const MAX_QUOTED = 64

export function sanitized(text: string, maxLength: number): string {
  const clean = text.replace(CREDENTIAL, '$1(hidden)').replace(UNPRINTABLE, '?')
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 3)}...` : clean
}

export const quoted = (text: string) => `"${sanitized(text, MAX_QUOTED)}"`
