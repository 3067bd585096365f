/** What an administrator types besides the fields of a record. Each check returns the value or throws a Refusal. */

import { AUDIT_EVENTS, type AuditEvent } from '../domain/audit.ts'
import { utf8Text } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import type { Io } from './verb.ts'

const LINE_FEED = 0x0a

/** One line of standard input, without its line end. The rest is not read. */
export async function readFirstLine(stdin: Io['stdin']): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as string)
    chunks.push(bytes)
    if (bytes.includes(LINE_FEED)) break
  }
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf(LINE_FEED)
  const line = end === -1 ? bytes : bytes.subarray(0, end)
  return utf8Text('standard input', line).replace(/\r$/, '')
}

/** Reads a line as `readFirstLine` does. At a terminal it first asks for the line, because the command would seem to hang. */
export function readAsked({ stdin, stderr }: Pick<Io, 'stdin' | 'stderr'>, what: string) {
  const isTerminal = 'isTTY' in stdin && stdin.isTTY
  if (isTerminal) stderr.write(`Type ${what}, then Enter. It is shown while you type.\n`)
  return readFirstLine(stdin)
}

/** The text as JSON, which has one line. */
const quote = (text: string) => JSON.stringify(text)

export function checkEvent(text: string): AuditEvent {
  const found = AUDIT_EVENTS.find((one) => one === text)
  if (found) return found
  throw new Refusal(`unknown event ${quote(text)}: use one of ${AUDIT_EVENTS.join(', ')}`)
}

export function checkLimit(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new Refusal(`--limit ${quote(text)} is not a whole number, one or more`)
}

export function checkOverlapSeconds(text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds <= 2 ** 31) return seconds
  throw new Refusal(
    `--overlap-seconds ${quote(text)} is not a whole number of seconds, zero or more`,
  )
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** The text is a date of ISO 8601, in UTC unless it has a zone, or a duration before `now`. Returns epoch seconds. */
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
