/** Fields that clients and users have in common, and permissions that can be given to both and withdrawn from both. */

import * as z from 'zod/mini'
import { isEndorsement, MAX_ENDORSEMENT_LENGTH } from '../../domain/category.ts'
import { MAX_FURTHER_OWNERS } from '../../domain/client.ts'
import { isDocumentUrl } from '../../domain/client-document.ts'
import { textOf } from '../../domain/json-object.ts'
import {
  canonicalResource,
  MAX_RESOURCE_URI_LENGTH,
  MAX_RESOURCES,
  RESOURCE_URI_RULE,
} from '../../domain/resource.ts'
import { isScope, MAX_SCOPE_LENGTH, SCOPE_RULE } from '../../domain/scope.ts'
import { invalid, quote } from './errors.ts'
import {
  type FieldTable,
  fieldsIn,
  filledSchema,
  listField,
  membersOf,
  requireValid,
  snakeCase,
  textSchema,
  wrongType,
} from './field.ts'

/** Neither `.` nor `..` can be a segment in the path of a URL (RFC 3986 §5.2.4), not even percent-encoded. */
export const notDots = () =>
  z.refine((text: unknown) => text !== '.' && text !== '..', {
    error: '{field} must not be . or ..',
  })

const idForm = () =>
  z.regex(/^[A-Za-z0-9._~-]{1,64}$/, {
    error: '{field} must have 1 to 64 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-"',
  })

/** The schema of an id that the caller chooses. */
export const idSchema = () => z.string({ error: wrongType('text') }).check(idForm(), notDots())

/** The schema of a client's id. The caller cannot choose the address of a metadata document. */
export const clientIdSchema = () =>
  z.string({ error: wrongType('text') }).check(
    z.refine((text: unknown) => !isDocumentUrl(textOf(text)), {
      error: '{field} must not be an address: a client with a metadata document registers itself',
      abort: true,
    }),
    idForm(),
    notDots(),
  )

/** The schema of a word with a form of its own, which also limits the word's length. */
function wordSchema(
  maxLength: number,
  isGood: (text: string) => boolean,
  sentence: (text: string) => string,
) {
  const error = (issue: { readonly input?: unknown }) => sentence(textOf(issue.input))
  return z
    .string({ error: wrongType('a list of texts') })
    .check(z.maxLength(maxLength, { error }), z.refine(isGood, { error }))
}

export const scopeSchema = wordSchema(
  MAX_SCOPE_LENGTH,
  isScope,
  (text) => `${quote(text)} is not a scope: a scope ${SCOPE_RULE}`,
)

export const scopesField = (help: string) => listField('--scope <scope>', help, scopeSchema)

export const endorsementSchema = wordSchema(MAX_ENDORSEMENT_LENGTH, isEndorsement, (text) =>
  text === '*'
    ? 'endorsement "*": write *.* for every category'
    : `${quote(text)} is not an endorsement: write a category (cs.DL), an archive (cs.*) or *.*`,
)

export const ENDORSEMENTS = listField(
  '--endorsement <category>',
  'a category (cs.DL), an archive (cs.*) or *.*; one that another covers is dropped',
  endorsementSchema,
)

/** The URI is stored in its canonical form. */
export const resourceUriSchema = () =>
  textSchema(MAX_RESOURCE_URI_LENGTH).check(
    z.refine((text: string) => canonicalResource(text) !== null, {
      error: ({ input }) => `{field}: ${quote(input)} is not a resource: it ${RESOURCE_URI_RULE}`,
    }),
    z.overwrite((text: string) => canonicalResource(text) ?? text),
  )

export const DEFAULT_RESOURCES = listField(
  '--default-resource <uri>',
  'a resource that its tokens are for where a request names none',
  resourceUriSchema(),
  MAX_RESOURCES,
)

export const FURTHER_OWNERS = listField(
  '--further-owner <id>',
  'the id of a user who manages it in the portal too',
  filledSchema(1000),
  MAX_FURTHER_OWNERS,
)

export const permissionChangeSchema = <Lists>(fields: FieldTable<Lists>) => {
  const lists = z.strictObject(membersOf(fields, false))
  return z.strictObject({ authorize: z.optional(lists), withdraw: z.optional(lists) })
}

/** Throws a RegistrationError unless the body has either `authorize` or `withdraw`, with at least one value. */
export function readPermissionChange<Lists>(
  fields: FieldTable<Lists>,
  value: unknown,
): Readonly<{ how: 'authorize' | 'withdraw'; lists: Partial<Lists> }> {
  const { authorize, withdraw } = requireValid(permissionChangeSchema(fields), value)
  const body = authorize ?? withdraw
  if (!body || (authorize && withdraw)) {
    throw invalid('give either authorize or withdraw')
  }
  const lists = fieldsIn(fields, body)
  if (Object.values(lists).every((list) => (list as readonly string[]).length === 0)) {
    const names = Object.keys(fields).map(snakeCase).join(', ')
    throw invalid(`name at least one value: ${names}`)
  }
  return { how: authorize ? 'authorize' : 'withdraw', lists }
}

/** KV cannot store an entry for less than 60 s. */
const SHORTEST_TOKEN_SECONDS = 60
const LONGEST_TOKEN_SECONDS = 2_592_000

export const lifetimeSchema = (otherwise: string) => {
  const error = ({ input }: { readonly input?: unknown }) =>
    `{field} ${quote(input)} is not a whole number of seconds from ${SHORTEST_TOKEN_SECONDS} to ` +
    `${LONGEST_TOKEN_SECONDS}${otherwise}`
  return z
    .int({ error })
    .check(z.gte(SHORTEST_TOKEN_SECONDS, { error }), z.lte(LONGEST_TOKEN_SECONDS, { error }))
}

/** The number of seconds in the text; otherwise the text itself, which the refusal quotes. */
export const secondsIn = (text: string) => {
  const seconds = Number(text)
  const isInRange = seconds >= SHORTEST_TOKEN_SECONDS && seconds <= LONGEST_TOKEN_SECONDS
  return /^\d+$/.test(text) && isInRange ? seconds : text
}

/** The lifetime of an access token. */
export const LIFETIME_FIELD = {
  flags: '--access-token-lifetime-seconds <n>',
  schema: lifetimeSchema(''),
  fromText: secondsIn,
}
