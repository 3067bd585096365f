/** The log of the registry and the authenticator, for the tests that read it. */

import { afterEach, beforeEach, vi } from 'vitest'

export type Line = Readonly<Record<string, unknown>>

/** The lines that each test of a file has logged by these methods of `console`, parsed. */
export function loggedBy(...methods: readonly ('log' | 'error')[]): Line[] {
  const lines: Line[] = []
  beforeEach(() => {
    lines.length = 0
    const keep = (line: string) => void lines.push(JSON.parse(line) as Line)
    for (const method of methods) vi.spyOn(console, method).mockImplementation(keep)
  })
  afterEach(() => void vi.restoreAllMocks())
  return lines
}
