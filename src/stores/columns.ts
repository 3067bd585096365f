/** SQL for columns that have the names of a record's members, in snake_case, so that each member is named only once. */

import { snakeCase } from '../domain/json-object.ts'

type Members = readonly string[]

const each = (members: Members, sql: (member: string, column: string) => string) =>
  members.map((member) => sql(member, snakeCase(member))).join(', ')

export const columnsOf = (members: Members) => each(members, (_, column) => column)

/** The columns for SELECT, under the names of the members. `table`: the table's name with a dot. */
export const selected = (members: Members, table = '') =>
  each(members, (member, column) => `${table}${column} AS ${member}`)

/** SQL: the values of the members in a JSON object, at `path` in the object. */
export const valuesIn = (json: string, members: Members, path = '$') =>
  each(members, (member) => `${json} ->> '${path}.${member}'`)

/** A column stays the same if the JSON object `?2` has no value for it. `others`: SQL for members with their own rule. */
export const changedBy = (members: Members, others: Readonly<Record<string, string>> = {}) =>
  each(members, (member, column) => {
    const value = others[member] ?? `coalesce(?2 ->> '${member}', ${column})`
    return `${column} = ${value}`
  })
