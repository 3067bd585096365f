/** SQL for columns that have the names of a record's members, in snake_case: so each member is named once. */

import { snakeCase } from '../domain/json-object.ts'

type Members = readonly string[]

const each = (members: Members, sql: (member: string, column: string) => string) =>
  members.map((member) => sql(member, snakeCase(member))).join(', ')

export const columnsOf = (members: Members) => each(members, (_, column) => column)

/** The columns for SELECT, under the names of the members. `table`: with its dot. */
export const selected = (members: Members, table = '') =>
  each(members, (member, column) => `${table}${column} AS ${member}`)

/** Their values in a JSON object, at `path` in it. */
export const valuesIn = (json: string, members: Members, path = '$') =>
  each(members, (member) => `${json} ->> '${path}.${member}'`)

/**
 * For UPDATE: what the JSON object `?2` has of them, and the column as it is where it has nothing. `others`: SQL for the
 * members that have a rule of their own.
 */
export const changedBy = (members: Members, others: Readonly<Record<string, string>> = {}) =>
  each(members, (member, column) => {
    const value = others[member] ?? `coalesce(?2 ->> '${member}', ${column})`
    return `${column} = ${value}`
  })
