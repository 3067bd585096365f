/** The ids of clients in a grown database: in ascending order, which loads fast, and computed, so that no query is needed. */

const SPACE = 0xffffffff

/** The same id as `CLIENT_ID_SQL` computes. */
export const grownClientId = (index: number, size: number) =>
  `${Math.floor((index * SPACE) / size)
    .toString(16)
    .padStart(8, '0')}-5eed-4000-8000-${index.toString(16).padStart(12, '0')}`

/** `?1` is the size, `i` the index. */
export const CLIENT_ID_SQL = `printf('%08x-5eed-4000-8000-%012x', i * ${SPACE} / ?1, i)`

/** The secret of all grown clients. */
export const GROWN_SECRET = 'regs_grown0123456789abcdef0123456789abcdef'
