/** JSON Schemas of the document, which are made from the zod schemas that validate. A named schema is a component. */

import * as z from 'zod/mini'

export type JsonSchema = z.core.JSONSchema.BaseSchema
export type Components = Record<string, JsonSchema>

export function named<Schema extends z.core.$ZodType>(id: string, schema: Schema): Schema {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id })
  return schema
}

export const described = <Schema extends z.ZodMiniType>(text: string, schema: Schema): Schema =>
  schema.check(z.describe(text)) as Schema

export const text = (description: string) => described(description, z.string())
export const maybe = (description: string) => z.optional(text(description))

/** A parameter is text that stands for a number or a truth value: the document describes it by this schema. */
export function parameterAs<Schema extends z.core.$ZodType>(
  described: Readonly<Record<string, unknown>>,
  schema: Schema,
): Schema {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), ...described })
  return schema
}

/** A record that is older than a bound of requests need not be within the bound. */
const BOUNDS = ['minLength', 'maxLength', 'minItems', 'maxItems', 'minimum', 'maximum', 'pattern']

type Overridden = Readonly<{ jsonSchema: JsonSchema }>

const drop = (schema: JsonSchema, keys: readonly string[]) => {
  for (const key of keys) delete (schema as Record<string, unknown>)[key]
}

/** Leaves out the pattern if the format, or the type of a parameter, tells a reader the same. */
function tidy({ jsonSchema }: Overridden) {
  if (jsonSchema.format === 'date-time') drop(jsonSchema, ['pattern'])
  if (jsonSchema.type === 'integer' || jsonSchema.type === 'boolean') {
    drop(jsonSchema, ['pattern', 'enum'])
  }
}

/** A response may have further members in a later version. */
function loosen({ jsonSchema }: Overridden) {
  drop(jsonSchema, BOUNDS)
  if (jsonSchema.additionalProperties === false) drop(jsonSchema, ['additionalProperties'])
}

const relocated = (schema: JsonSchema): JsonSchema =>
  JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === '$ref' ? String(value).replace('#/$defs/', '#/components/schemas/') : value,
  )

/** The schema of a request (`input`) or of a response (`output`). The schemas that it names are added to the components. */
export function schemaOf(
  schema: z.core.$ZodType,
  io: 'input' | 'output',
  components: Components,
): JsonSchema {
  const override = io === 'input' ? tidy : loosen
  const { $schema: _, $defs = {}, ...whole } = z.toJSONSchema(schema, { io, override })
  for (const [id, part] of Object.entries($defs)) {
    const { id: _, ...named } = relocated(part)
    components[id] = named
  }
  return relocated(whole)
}

export const Instant = z.iso.datetime()
