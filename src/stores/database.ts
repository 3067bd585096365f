/** The parts of D1 and KV that the stores use: the bindings have them, and so have Cloudflare's HTTP interfaces. */

export type Database = Pick<D1Database, 'prepare' | 'batch'>

/** All that the doctor does with a namespace of KV. */
export type TextNamespace = TextWriter &
  Readonly<{
    /** Null if there is none. */
    get(key: string): Promise<string | null>
    delete(key: string): Promise<void>
  }>

/** The writing of texts to KV. */
export type TextWriter = Readonly<{
  put(key: string, value: string, options?: Readonly<{ expirationTtl?: number }>): Promise<void>
}>

/** What the stores of the two workers ask of a KV namespace. */
export type Namespace = Pick<KVNamespace, 'get' | 'put' | 'delete'>
