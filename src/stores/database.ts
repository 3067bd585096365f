/** The parts of D1 and KV that the stores use. */

export type Database = Pick<D1Database, 'prepare' | 'batch'>

export type TextNamespace = TextWriter &
  Readonly<{
    /** Null if there is none. */
    get(key: string): Promise<string | null>
    delete(key: string): Promise<void>
  }>

export type TextWriter = Readonly<{
  put(key: string, value: string, options?: Readonly<{ expirationTtl?: number }>): Promise<void>
}>

/** What the stores of the two workers use of a KV namespace. */
export type Namespace = Pick<KVNamespace, 'get' | 'put' | 'delete'>
