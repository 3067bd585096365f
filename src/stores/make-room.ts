/** What an isolate remembers is bounded: whatever has been in a Map or a Set for longest leaves first. */

/** Before one more is added: then there are no more than `most`. */
export function makeRoom(memory: Map<string, unknown> | Set<string>, most: number): void {
  if (memory.size >= most) memory.delete(memory.keys().next().value as string)
}
