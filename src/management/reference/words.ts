/** A JSON Schema in words, for the reference. */

import type { Components, JsonSchema } from '../openapi/schemas.ts'

const nameOf = ($ref: string) => $ref.slice($ref.lastIndexOf('/') + 1)

const resolved = (schema: JsonSchema, components: Components): JsonSchema =>
  schema.$ref === undefined ? schema : (components[nameOf(schema.$ref)] ?? {})

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'object',
  null: 'null',
}

const quoted = (value: unknown) => JSON.stringify(value)

export function typeWords(schema: JsonSchema): string {
  const { $ref, anyOf, oneOf, enum: values, const: only, type, items, format } = schema
  if ($ref !== undefined) return nameOf($ref)
  const forms = (anyOf ?? oneOf) as readonly JsonSchema[] | undefined
  if (forms) return [...new Set(forms.map(typeWords))].join(' or ')
  if (only !== undefined) return quoted(only)
  if (values) return values.map(quoted).join(', ')
  if (format === 'date-time') return 'date and time'
  if (type === 'array') return `list of ${typeWords((items ?? {}) as JsonSchema)}`
  const types: readonly string[] = Array.isArray(type) ? type : type === undefined ? [] : [type]
  return types.map((one) => TYPES[one] ?? one).join(' or ') || 'any value'
}

/** The bounds of the value, and its default. */
export function ruleWords(schema: JsonSchema): string[] {
  const { minLength, maxLength, minimum, maximum, maxItems, pattern } = schema
  const given = (value: unknown, words: string) => (value === undefined ? [] : [words])
  return [
    ...given(minLength, minLength === 1 ? 'not empty' : `at least ${minLength} characters`),
    ...given(maxLength, `at most ${maxLength} characters`),
    ...given(minimum, `from ${minimum}`),
    ...given(maximum, `to ${maximum}`),
    ...given(maxItems, `at most ${maxItems} items`),
    ...given(pattern, `form ${pattern}`),
    ...given(schema.default, `default ${quoted(schema.default)}`),
  ]
}

export type Member = Readonly<{
  name: string
  type: string
  /** `required`, or `may be absent`; null if neither is useful to a reader. */
  presence: string | null
  description: string
  rules: readonly string[]
}>

type Form = Readonly<{ name: string | null; members: readonly Member[] }>

/** The members of an object, or of each form of a union, which is named by the member that distinguishes it. */
export function formsOf(
  given: JsonSchema,
  components: Components,
  isRequest: boolean,
): readonly Form[] {
  const { oneOf, properties = {}, required = [] } = resolved(given, components)
  if (oneOf) {
    return (oneOf as readonly JsonSchema[]).flatMap((form) => {
      const told = Object.entries(form.properties ?? {}).find(([, one]) =>
        Object.hasOwn(Object(one), 'const'),
      )
      const name = told ? `${told[0]} ${(told[1] as JsonSchema).const}` : null
      return formsOf(form, components, isRequest).map(({ members }) => ({ name, members }))
    })
  }
  const presenceOf = (name: string) => {
    if (required.includes(name)) return isRequest ? 'required' : null
    return isRequest ? null : 'may be absent'
  }
  const members = Object.entries(properties).map(([name, property]) => {
    const one = property as JsonSchema
    return {
      name,
      type: typeWords(one),
      presence: presenceOf(name),
      description: one.description ?? '',
      rules: ruleWords(one),
    }
  })
  return members.length === 0 ? [] : [{ name: null, members }]
}
