/** Random calls (fast-check) of an operation, made from what `/openapi.json` says of it. */

import fc from 'fast-check'
import { anyText } from './any-request.ts'

export type Schema = Readonly<{
  $ref?: string
  type?: string | readonly string[]
  const?: unknown
  enum?: readonly unknown[]
  anyOf?: readonly Schema[]
  oneOf?: readonly Schema[]
  properties?: Readonly<Record<string, Schema>>
  required?: readonly string[]
  items?: Schema
  pattern?: string
  format?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
}>

type Parameter = Readonly<{ name: string; in: string; required?: boolean; schema: Schema }>
type Media = Readonly<{ schema: Schema; example?: unknown }>
export type Described = Readonly<{
  operationId: string
  security: readonly Readonly<Record<string, readonly string[]>>[]
  parameters?: readonly Parameter[]
  requestBody?: Readonly<{ content: Readonly<Record<string, Media>> }>
}>
export type Document = Readonly<{
  paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  components: Readonly<{ schemas: Readonly<Record<string, Schema>> }>
}>

export type AnyCall = Readonly<{
  operationId: string
  method: string
  path: string
  headers: Readonly<Record<string, string>>
  body: string | null
}>

/** Values that a caller might send, by the name of the member or parameter. */
export type Known = Readonly<Record<string, readonly unknown[]>>

/** `String()` throws for this object. */
export const NO_TEXT = { toString: 1, valueOf: 1 }

const anyJson = fc.oneof(fc.jsonValue({ maxDepth: 3 }), anyText, fc.constant(NO_TEXT))
/** Longer texts only make the test slower. */
const MAX_LENGTH = 40

function textBy({ pattern, format, minLength = 0, maxLength = MAX_LENGTH }: Schema) {
  if (format === 'date-time')
    return fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  return fc.string({ minLength, maxLength: Math.min(maxLength, MAX_LENGTH) })
}

/** A value that fits the schema, or one of the known values of its name. */
function fitting(
  schema: Schema,
  document: Document,
  known: Known,
  name = '',
): fc.Arbitrary<unknown> {
  const within = (inner: Schema, its = name) => fitting(inner, document, known, its)
  const { $ref, anyOf, oneOf, properties, required = [], items } = schema
  const values = known[name]
  if (values && schema.type !== 'array') {
    return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, byType())
  }
  return byType()

  function byType(): fc.Arbitrary<unknown> {
    if ($ref !== undefined)
      return within(document.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {})
    if ('const' in schema) return fc.constant(schema.const)
    if (schema.enum) return fc.constantFrom(...schema.enum)
    const forms = anyOf ?? oneOf
    if (forms) return fc.oneof(...forms.map((form) => within(form)))
    switch (schema.type) {
      case 'object':
        return fc.record(
          Object.fromEntries(
            Object.entries(properties ?? {}).map(([key, inner]) => [key, within(inner, key)]),
          ),
          { requiredKeys: [...required] },
        )
      case 'array':
        return fc.array(within(items ?? {}), { maxLength: 3 })
      case 'string':
        return textBy(schema)
      case 'integer':
        return fc.integer({ min: schema.minimum ?? -10, max: schema.maximum ?? 1000 })
      case 'boolean':
        return fc.boolean()
      case 'null':
        return fc.constant(null)
      default:
        return anyJson
    }
  }
}

type Corruption = Readonly<{ at: number; value: unknown }>

/** Replaces members of an object, or adds one, and keeps the others valid. */
function corrupted(given: unknown, changes: readonly Corruption[]): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given
  const copy: Record<string, unknown> = { ...given }
  for (const { at, value } of changes) {
    const names = [...Object.keys(copy), 'unknown_member']
    const name = names[at % names.length] ?? ''
    if (value === undefined) delete copy[name]
    else copy[name] = value
  }
  return copy
}

/** The example, with known values in place of some members. */
function varied(example: unknown, known: Known): fc.Arbitrary<unknown> {
  const members = Object.entries(example ?? {}).map(([name, value]) => {
    const values = known[name]
    const its = fc.constant(value)
    return [name, values && !Array.isArray(value) ? fc.oneof(its, fc.constantFrom(...values)) : its]
  })
  return fc.record(Object.fromEntries(members))
}

function anyBody({ schema, example }: Media, document: Document, known: Known) {
  const good = fc.oneof(varied(example, known), fitting(schema, document, known))
  const changes = fc.array(
    fc.record({ at: fc.nat(), value: fc.option(anyJson, { nil: undefined }) }),
    { maxLength: 2 },
  )
  const json = fc.tuple(good, changes).map(([value, all]) => JSON.stringify(corrupted(value, all)))
  return fc.oneof(
    { weight: 8, arbitrary: good.map((value) => JSON.stringify(value)) },
    { weight: 4, arbitrary: json },
    { weight: 1, arbitrary: fc.tuple(json, fc.nat()).map(([text, n]) => text.slice(0, n % 200)) },
    { weight: 1, arbitrary: anyText },
    { weight: 1, arbitrary: anyJson.map((value) => JSON.stringify(value)) },
  )
}

const encoded = (text: unknown) => encodeURIComponent(String(text).toWellFormed())

function anyQuery(parameters: readonly Parameter[], document: Document, known: Known) {
  const given = parameters.map(({ name, schema }) =>
    fc.option(
      fc
        .oneof({ weight: 6, arbitrary: fitting(schema, document, known, name) }, anyText)
        .map((value) => [name, value] as const),
      { nil: null, freq: 2 },
    ),
  )
  const more = fc.array(
    fc.tuple(fc.constantFrom('limit', 'after', 'by', 'x', '__proto__'), anyText),
    {
      maxLength: 1,
    },
  )
  return fc
    .tuple(fc.tuple(...given), fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, more))
    .map(([known, others]) =>
      [...known.filter((pair) => pair !== null), ...others]
        .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
        .join('&'),
    )
}

const anyIfMatch = fc.oneof(
  { weight: 12, arbitrary: fc.constant('*') },
  fc.constantFrom('"v1"', 'W/"v2"', '"v1", "v2"', '"', '', 'v1', '"v99999999999999999"', '"*"'),
)
const anyType = fc.oneof(
  { weight: 9, arbitrary: fc.constant('application/json') },
  fc.constantFrom(
    'application/json; charset=utf-8',
    'text/plain',
    'application/x-www-form-urlencoded',
    '',
  ),
)

/** Any call of one operation, without a credential. */
export function anyCallOf(
  { path, method, described }: Readonly<{ path: string; method: string; described: Described }>,
  { document, known }: Readonly<{ document: Document; known: Known }>,
): fc.Arbitrary<AnyCall> {
  const { parameters = [], requestBody, operationId } = described
  const inPath = parameters.filter((one) => one.in === 'path')
  const segments = inPath.map(({ name, schema }) =>
    fc.oneof({ weight: 6, arbitrary: fitting(schema, document, known, name) }, anyText),
  )
  const media = Object.values(requestBody?.content ?? {})[0]
  const body = media ? anyBody(media, document, known) : fc.constant(null)
  return fc
    .record({
      segments: fc.tuple(...segments),
      query: anyQuery(
        parameters.filter((one) => one.in === 'query'),
        document,
        known,
      ),
      ifMatch: fc.option(anyIfMatch, { nil: null, freq: 8 }),
      type: anyType,
      body,
    })
    .map((drawn) => {
      const filled = inPath.reduce(
        (whole, { name }, index) =>
          whole.replace(`{${name}}`, () => encoded(drawn.segments[index])),
        path,
      )
      return {
        operationId,
        method: method.toUpperCase(),
        path: drawn.query === '' ? filled : `${filled}?${drawn.query}`,
        headers: {
          ...(drawn.ifMatch !== null && { 'If-Match': drawn.ifMatch }),
          ...(drawn.body !== null && { 'Content-Type': drawn.type }),
        },
        body: drawn.body,
      }
    })
}
