/** The part of D1 that the stores use: the binding has it, and so has D1's HTTP query interface. */

export type Database = Pick<D1Database, 'prepare' | 'batch'>
