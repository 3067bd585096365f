/** Reads one of the original's tables from a CSV file (RFC 4180) whose first record names the columns. */

import { type Found, refusalAt, rowReader, type TableName, unreadable } from './tables.ts'

type Value = Readonly<{ text: string; isQuoted: boolean }>
/** `isBad`: there is text beside a quoted value. */
type CsvRecord = Readonly<{ line: number; values: readonly Value[]; isBad: boolean }>

/** The limit in characters. */
const LONGEST_RECORD = 16_777_216

class CsvRecords {
  #values: Value[] = []
  #text = ''
  #length = 0
  #state: 'start' | 'plain' | 'quoted' | 'closed' = 'start'
  #isQuoted = false
  #isBad = false
  #line = 1
  #startLine = 1

  #add(character: string) {
    this.#text += character
    this.#length++
    if (this.#length > LONGEST_RECORD) {
      throw refusalAt(this.#startLine, 'a row is longer than 16 MiB: a quote may be missing')
    }
  }

  *read(piece: string): Generator<CsvRecord> {
    for (const character of piece) {
      if (this.#state === 'quoted') {
        if (character === '"') this.#state = 'closed'
        else this.#add(character)
      } else if (character === '"' && this.#state === 'closed') {
        this.#add(character)
        this.#state = 'quoted'
      } else if (character === '"' && this.#state === 'start') {
        this.#isQuoted = true
        this.#state = 'quoted'
      } else if (character === ',') this.#endValue()
      else if (character === '\n') yield* this.#endRecord()
      else if (character !== '\r') {
        // RFC 4180 §2: quotes enclose the whole value.
        if (character === '"' || this.#state === 'closed') this.#isBad = true
        else this.#state = 'plain'
        this.#add(character)
      }
      if (character === '\n') this.#line++
    }
  }

  *end(): Generator<CsvRecord> {
    if (this.#state === 'quoted') {
      throw refusalAt(this.#startLine, 'a quoted value that begins in this row never ends')
    }
    yield* this.#endRecord()
  }

  #endValue() {
    this.#values.push({ text: this.#text, isQuoted: this.#isQuoted })
    this.#text = ''
    this.#isQuoted = false
    this.#state = 'start'
  }

  *#endRecord(): Generator<CsvRecord> {
    this.#endValue()
    const [first] = this.#values
    const isEmpty = this.#values.length === 1 && first?.text === '' && !first.isQuoted
    if (!isEmpty) yield { line: this.#startLine, values: this.#values, isBad: this.#isBad }
    this.#values = []
    this.#isBad = false
    this.#length = 0
    this.#startLine = this.#line + 1
  }
}

/** Programs write NULL as an empty value, as `\N` (MySQL) or as `NULL`, and always without quotes. */
const NULLS = ['', '\\N', 'NULL']
const meaning = ({ text, isQuoted }: Value) => (!isQuoted && NULLS.includes(text) ? null : text)

/** Throws a Refusal if the file cannot be read as a whole. */
export async function* readCsv(
  table: TableName,
  pieces: AsyncIterable<string>,
): AsyncGenerator<Found> {
  const records = new CsvRecords()
  let rowOf: ReturnType<typeof rowReader> | undefined
  const read = ({ line, values, isBad }: CsvRecord): Found => {
    if (rowOf === undefined) {
      const given = values.map(({ text }) => text.trim())
      rowOf = rowReader(table, { given, head: 'the first row', line })
      return { kind: 'table', table }
    }
    return isBad
      ? unreadable(table, line, 'has text outside the quotes of a value')
      : rowOf(values.map(meaning), line)
  }
  for await (const piece of pieces) {
    for (const record of records.read(piece)) yield read(record)
  }
  for (const record of records.end()) yield read(record)
}
