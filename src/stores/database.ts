/** The parts of D1 and KV that the stores use: the bindings have them, and so have Cloudflare's HTTP interfaces. */

export type Database = Pick<D1Database, 'prepare' | 'batch'>

/** The writing of texts to KV. */
export type TextWriter = Readonly<{
  put(key: string, value: string, options?: Readonly<{ expirationTtl?: number }>): Promise<void>
}>
