/** The log of a service. It has a line of JSON for each fault. */

export function logFault(event: string, fault: unknown): void {
  const detail = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault)
  // biome-ignore lint/suspicious/noConsole: this is the log of a service
  console.error(JSON.stringify({ level: 'error', event, detail }))
}
