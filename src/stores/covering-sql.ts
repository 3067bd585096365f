/** What covers what, in SQL: the rules of `domain/scope.ts` and `domain/category.ts`, on two SQL expressions. */

const byPrefix = (wider: string, narrower: string, separator: string) =>
  `${wider} LIKE '%${separator}*' AND substr(${narrower} || '${separator}', 1, length(${wider}) - 1) = substr(${wider}, 1, length(${wider}) - 1)`

export const scopeCovers = (wider: string, narrower: string) =>
  `(${wider} = ${narrower} OR ${byPrefix(wider, narrower, ':')})`

export const categoryCovers = (wider: string, narrower: string) =>
  `(${wider} = ${narrower} OR ${wider} = '*.*' OR ${byPrefix(wider, narrower, '.')})`
