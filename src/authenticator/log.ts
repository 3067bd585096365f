/** One line of JSON for the operator, about a fault and never about a caller. */

export function logFault(event: string, fault: unknown): void {
  const detail = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault)
  // biome-ignore lint/suspicious/noConsole: this is the log of a Worker
  console.error(JSON.stringify({ level: 'error', event, detail }))
}
