/** Reads the original's tables from an SQL dump of MySQL, MariaDB or SQLite. At most one row is in memory. */

import { isMark, SqlTokens, type Token } from './sql-tokens.ts'
import { splitAtCommas, valuesOf } from './sql-values.ts'
import { type Found, isTableName, refusalAt, rowReader, type TableName } from './tables.ts'

/** Gets tokens, and returns when its part of the statement is complete. */
type Reading<Result = void> = Generator<void, Result, Token>

/** The limit of a statement's part: the definition of a table is small, and a row has at most one long text. */
const MAX_TOKENS = 10_000

const isWord = (token: Token, word: RegExp) => token.kind === 'word' && word.test(token.text)
const isName = ({ kind }: Token) => kind === 'word' || kind === 'name'

/** The tokens between parentheses, after the opening one. */
function* readParentheses(open: Token): Reading<Token[]> {
  const inside: Token[] = []
  for (let depth = 1; ; ) {
    const token = yield
    if (isMark(token, '(')) depth++
    if (isMark(token, ')')) depth--
    if (depth === 0) return inside
    if (inside.push(token) > MAX_TOKENS) throw refusalAt(open.line, 'a parenthesis is never closed')
  }
}

function* skipStatement(token: Token): Reading {
  let last = token
  while (!isMark(last, ';')) last = yield
}

/** The name of a table without its database, and the next token. */
function* readTable(first: Token): Reading<readonly [name: string, next: Token]> {
  let name = first
  let next = yield
  while (isMark(next, '.')) {
    name = yield
    next = yield
  }
  return [isName(name) ? name.text.toLowerCase() : '', next]
}

const CONSTRAINT = /^(?:PRIMARY|KEY|UNIQUE|CONSTRAINT|FOREIGN|CHECK|INDEX|FULLTEXT|SPATIAL)$/i

/** Names of columns in a definition: each part begins with one, unless the part is a key or a constraint. */
const columnsIn = (tokens: readonly Token[]): readonly string[] =>
  splitAtCommas(tokens).flatMap(([first]) =>
    first && isName(first) && !isWord(first, CONSTRAINT) ? [first.text] : [],
  )

class Statements {
  /** The first line of the statement that is being read; null between statements. */
  openLine: number | null = null
  readonly #columns = new Map<TableName, readonly string[]>()
  readonly #emit: (found: Found) => void

  constructor(emit: (found: Found) => void) {
    this.#emit = emit
  }

  *read(): Generator<void, never, Token> {
    for (;;) {
      this.openLine = null
      const first = yield
      this.openLine = first.line
      if (isWord(first, /^CREATE$/i)) yield* this.#readCreate()
      else if (isWord(first, /^(?:INSERT|REPLACE)$/i)) yield* this.#readInsert()
      else if (isWord(first, /^COPY$/i)) {
        throw refusalAt(first.line, 'the dump has COPY: write it with INSERT (pg_dump --inserts)')
      } else yield* skipStatement(first)
    }
  }

  *#readCreate(): Reading {
    let token = yield
    while (isWord(token, /^(?:TEMPORARY|TEMP)$/i)) token = yield
    if (!isWord(token, /^TABLE$/i)) return yield* skipStatement(token)
    token = yield
    while (isWord(token, /^(?:IF|NOT|EXISTS)$/i)) token = yield
    const [table, next] = yield* readTable(token)
    if (!isTableName(table) || !isMark(next, '(')) return yield* skipStatement(next)
    this.#columns.set(table, columnsIn(yield* readParentheses(next)))
    this.#emit({ kind: 'table', table })
    yield* skipStatement(yield)
  }

  *#readInsert(): Reading {
    let token = yield
    while (isWord(token, /^(?:LOW_PRIORITY|DELAYED|HIGH_PRIORITY|IGNORE|OR|REPLACE|INTO)$/i)) {
      token = yield
    }
    let [table, next] = yield* readTable(token)
    if (!isTableName(table)) return yield* skipStatement(next)
    let columns = this.#columns.get(table)
    if (isMark(next, '(')) {
      columns = columnsIn(yield* readParentheses(next))
      next = yield
    }
    if (!isWord(next, /^VALUES?$/i)) return yield* skipStatement(next)
    if (!columns) {
      const sentence = `INSERT INTO ${table} names no columns, and no CREATE TABLE is before it`
      throw refusalAt(token.line, `${sentence}: dump the definitions of the tables too`)
    }
    this.#emit({ kind: 'table', table })
    const rowOf = rowReader(table, { given: columns, head: 'the table', line: token.line })
    for (;;) {
      const open = yield
      if (!isMark(open, '(')) return yield* skipStatement(open)
      this.#emit(rowOf(valuesOf(yield* readParentheses(open)), open.line))
      next = yield
      if (!isMark(next, ',')) return yield* skipStatement(next)
    }
  }
}

/** Throws a Refusal if the file is no dump, or only a part of one. */
export async function* readSqlDump(pieces: AsyncIterable<string>): AsyncGenerator<Found> {
  let found: Found[] = []
  const statements = new Statements((one) => found.push(one))
  const reading = statements.read()
  reading.next()
  const tokens = new SqlTokens()
  for await (const piece of pieces) {
    for (const token of tokens.read(piece)) reading.next(token)
    yield* found
    found = []
  }
  for (const token of tokens.read('', true)) reading.next(token)
  yield* found
  if (statements.openLine !== null) {
    const sentence = 'the file ends inside the statement that begins here: it is not complete'
    throw refusalAt(statements.openLine, sentence)
  }
}
