/** One line of JSON for each thing worth knowing. Never a secret: callers pass ids, codes of the RFC and causes. */

type Line = Readonly<Record<string, string | number | boolean | null>>

export const log = (event: string, line: Line = {}) =>
  // biome-ignore lint/suspicious/noConsole: this is the log
  console.log(JSON.stringify({ event, ...line }))

/** The words of a fault, without what it was about: messages of storage may quote values. */
export const nameOf = (fault: unknown) =>
  fault instanceof Error ? `${fault.name}: ${fault.message}`.slice(0, 200) : 'unknown fault'
