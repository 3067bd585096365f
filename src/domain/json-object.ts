/** Values of JSON, and the names of its members. */

const MAX_SHOWN_LENGTH = 200

/** A value of JSON for a sentence. `String` would call an object's own member `toString`. */
export const textOf = (value: unknown): string =>
  typeof value === 'object' && value !== null
    ? JSON.stringify(value).slice(0, MAX_SHOWN_LENGTH)
    : String(value)

/** The name of a member in documents and in the audit, and the name of its column. */
export const snakeCase = (name: string) =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** `typeof` calls null and arrays objects too. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
