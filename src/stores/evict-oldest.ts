/** Bounds what an isolate keeps between requests: the oldest entry of a full Map or Set leaves. */

/** Call it before one entry is added: then there are at most `most`. */
export function evictOldest(memory: Map<string, unknown> | Set<string>, most: number): void {
  if (memory.size >= most) memory.delete(memory.keys().next().value as string)
}
