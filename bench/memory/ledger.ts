/** A D1 in memory with one client, one user and single-use codes, for the statements of the token endpoint. */

import type { RegisteredUser } from '../../src/domain/user.ts'
import { INSERT_CODE } from '../../src/stores/authorizations.ts'
import type { readClientRow } from '../../src/stores/clients.ts'
import { FIND_CLIENT, TOUCH_CREDENTIAL } from '../../src/stores/clients.ts'
import {
  FIND_CODE,
  FIND_SPENDING,
  SPEND_CODE,
  TOUCH_CONSENT,
  UNSPEND_CODE,
} from '../../src/stores/codes.ts'

type Row = Readonly<Record<string, unknown>>
type Bound = readonly unknown[]

/** The results of each statement, by its SQL. */
type Statements = ReadonlyMap<string, (bound: Bound) => readonly Row[]>

type Prepared = Readonly<{ run: () => { results: readonly Row[]; success: true } }>

/** A D1 in memory for the statements of the measured operations. Any other statement throws. */
function memoryDatabase(statements: Statements): D1Database {
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

type ClientRow = Parameters<typeof readClientRow>[0]

type CodeRow = {
  record: string
  spentAt: number | null
  sessionKey: string | null
  familyId: string | null
}

/** Beyond this number the oldest code is dropped. */
const MAX_CODES = 50_000

const userJson = (user: RegisteredUser) =>
  JSON.stringify({
    ...user,
    scopes: JSON.stringify(user.scopes),
    endorsements: JSON.stringify(user.endorsements),
  })

export function ledger(client: ClientRow, user: RegisteredUser): D1Database {
  const codes = new Map<string, CodeRow>()
  const knownUser = userJson(user)
  let row = client

  const statements: Statements = new Map<string, (bound: readonly unknown[]) => readonly object[]>([
    [FIND_CLIENT, ([clientId]) => (clientId === row.clientId ? [{ ...row }] : [])],
    [
      TOUCH_CREDENTIAL,
      ([, , now]) => {
        const [credential] = JSON.parse(row.credentials) as object[]
        row = { ...row, credentials: JSON.stringify([{ ...credential, lastUsedAt: now }]) }
        return []
      },
    ],
    [
      INSERT_CODE,
      ([codeDigest, , , record]) => {
        if (codes.size >= MAX_CODES) codes.delete(codes.keys().next().value as string)
        codes.set(String(codeDigest), {
          record: String(record),
          spentAt: null,
          sessionKey: null,
          familyId: null,
        })
        return []
      },
    ],
    [
      SPEND_CODE,
      ([codeDigest, now, sessionKey]) => {
        const code = codes.get(String(codeDigest))
        if (!code || (code.spentAt !== null && code.sessionKey !== sessionKey)) return []
        code.spentAt = Number(now)
        code.sessionKey = String(sessionKey)
        const { scopes, endorsements } = row
        return [{ client: JSON.stringify({ scopes, endorsements }), user: knownUser }]
      },
    ],
    [TOUCH_CONSENT, () => []],
    [
      FIND_CODE,
      ([codeDigest]) => {
        const code = codes.get(String(codeDigest))
        return code ? [{ record: code.record }] : []
      },
    ],
    [
      FIND_SPENDING,
      ([codeDigest]) => {
        const code = codes.get(String(codeDigest))
        return code && code.spentAt !== null ? [{ ...code }] : []
      },
    ],
    [
      UNSPEND_CODE,
      ([codeDigest]) => {
        const code = codes.get(String(codeDigest))
        if (code) code.spentAt = null
        return []
      },
    ],
  ]) as Statements
  return memoryDatabase(statements)
}
