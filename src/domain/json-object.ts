/** Values of JSON, and the names of the members of JSON objects. */

const MAX_SHOWN_LENGTH = 200

/** The text of a JSON value for a sentence. `String` would call a member `toString` of the object. */
export const textOf = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? JSON.stringify(value).slice(0, MAX_SHOWN_LENGTH)
    : String(value)

/** The name of a member in documents and in the audit, which is also the name of its column. */
export const snakeCase = (name: string) =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `typeof` is `object` for null and for arrays too. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
