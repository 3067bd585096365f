/** Writes one line of JSON for each event. A line never contains a secret: callers pass ids, codes of the RFC and causes. */

/** `fault` may be any value that was thrown. */
export function log(event: string, line: Readonly<Record<string, unknown>> = {}) {
  const named = 'fault' in line && { fault: nameOf(line.fault) }
  // biome-ignore lint/suspicious/noConsole: this is the log
  console.log(JSON.stringify({ event, ...line, ...named }))
}

/** The message of a fault, shortened. It contains no secret, because storage gets only digests. */
export const nameOf = (fault: unknown) =>
  fault instanceof Error ? `${fault.name}: ${fault.message}`.slice(0, 200) : 'unknown fault'
