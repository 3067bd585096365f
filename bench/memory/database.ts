/** D1 answered from memory, for just the statements that the measured operations use: any other throws. */

type Row = Readonly<Record<string, unknown>>
type Bound = readonly unknown[]

/** By its SQL, what a statement answers. */
export type Statements = ReadonlyMap<string, (bound: Bound) => readonly Row[]>

type Prepared = Readonly<{ run: () => { results: readonly Row[]; success: true } }>

export function memoryDatabase(statements: Statements): D1Database {
  const statement = (answer: (bound: Bound) => readonly Row[], bound: Bound): object => {
    const run = () => ({ results: answer(bound), success: true as const, meta: { changes: 0 } })
    return {
      bind: (...values: unknown[]) => statement(answer, values),
      first: async () => answer(bound)[0] ?? null,
      all: async () => run(),
      run: () => run(),
    }
  }
  const database = {
    prepare(sql: string) {
      const answer = statements.get(sql)
      if (!answer) throw new Error(`no stand-in for: ${sql}`)
      return statement(answer, [])
    },
    batch: async (prepared: readonly Prepared[]) => prepared.map((one) => one.run()),
    withSession: () => database,
  }
  return database as unknown as D1Database
}
