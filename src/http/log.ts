/** One line of JSON for each thing worth knowing. Never a secret: callers pass ids, codes of the RFC and causes. */

import type { RequestNote } from './request-note.ts'

type Line = Readonly<Record<string, string | number | boolean | null>>

/** With the correlation id of the request that it is told of, if it is. */
export function log(event: string, line: Line = {}, note: RequestNote | null = null) {
  // biome-ignore lint/suspicious/noConsole: this is the log
  console.log(
    JSON.stringify({ event, ...(note && { correlationId: note.correlationId }), ...line }),
  )
}

/** The words of a fault, cut short: what is stored holds digests, so that a message which quotes it tells no secret. */
export const nameOf = (fault: unknown) =>
  fault instanceof Error ? `${fault.name}: ${fault.message}`.slice(0, 200) : 'unknown fault'
