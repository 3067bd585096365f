/** One line of JSON for each thing worth knowing. Never a secret: callers pass ids, codes of the RFC and causes. */

import type { RequestNote } from './request-note.ts'

type Line = Readonly<Record<string, unknown>>

/** With the correlation id of its request, if there is one. `fault` may be any value that was thrown. */
export function log(event: string, line: Line = {}, note: RequestNote | null = null) {
  const { correlationId } = note ?? {}
  const named = 'fault' in line && { fault: nameOf(line.fault) }
  // biome-ignore lint/suspicious/noConsole: this is the log
  console.log(JSON.stringify({ event, ...(correlationId && { correlationId }), ...line, ...named }))
}

/** The words of a fault, cut short: what is stored holds digests, so that a message which quotes it tells no secret. */
export const nameOf = (fault: unknown) =>
  fault instanceof Error ? `${fault.name}: ${fault.message}`.slice(0, 200) : 'unknown fault'
