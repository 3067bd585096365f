/**
 * D1's clock in SQL: the one clock of every revocation, and of what a session rests on. Callers' clocks may be wrong
 * by minutes; between two moments of this clock the order is that of the transactions.
 */

/** Epoch milliseconds. Rounded, since the fraction is a binary one. */
export const D1_NOW_MS = `CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`
/** Epoch seconds. */
export const D1_NOW = 'unixepoch()'
