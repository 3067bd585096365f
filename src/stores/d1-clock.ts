/**
 * D1's clock in SQL. Every revocation, and the moment when a session's records were read, is dated by this clock alone:
 * callers' clocks may be wrong by minutes, and this one has the order of the transactions.
 */

/** Epoch milliseconds. Rounded, since D1 returns a binary fraction. */
export const D1_NOW_MS = `CAST(round(unixepoch('subsec') * 1000) AS INTEGER)`
/** Epoch seconds. */
export const D1_NOW = 'unixepoch()'
