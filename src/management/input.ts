/**
 * What a caller sends: the query and the JSON body, which the operation's schemas check, and `If-Match`. The refusal names
 * the first fault.
 */

import * as z from 'zod/mini'
import type { ExpectedVersion } from '../flows/registration/change.ts'
import { readBody } from '../http/body.ts'
import type { HttpContext } from '../http/request-context.ts'
import type { OAuthError } from '../protocol/errors.ts'
import { Problem } from '../protocol/problem.ts'
import { JsonProblem, parseJson, pathText } from '../protocol/strict-json.ts'
import type { Operation } from './operation.ts'

const MAX_BODY_BYTES = 65_536
/** The length is limited, because a caller chooses the names of unknown members. */
const MAX_FIELD_LENGTH = 100
const BODY = 'the body'

const invalid = (sentence: string, field: string) =>
  new Problem('invalid_request', sentence, { field: field === '' ? null : field })

const NOUNS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  null: 'null',
}

/** The words for a fault for which the schema has no words of its own. `{field}` is replaced. */
function words(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return '{field} is missing'
      return `{field} must be ${NOUNS[issue.expected] ?? issue.expected}`
    case 'unrecognized_keys':
      return 'there is no member {field}'
    case 'invalid_value':
      return `{field} must be ${issue.values.map((one) => JSON.stringify(one)).join(' or ')}`
    case 'too_big':
      return `{field} must have at most ${issue.maximum}`
    case 'too_small':
      return `{field} must have at least ${issue.minimum}`
    default:
      return '{field} is not valid'
  }
}

/** A member of a union is checked in each of its forms. The named fault is that of the form that was read furthest. */
function deepest(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined {
  const [issue] = issues
  if (issue?.code !== 'invalid_union') return issue
  const inner = issue.errors
    .map((form) => deepest(form))
    .filter((one) => one !== undefined)
    .sort((a, b) => b.path.length - a.path.length)
  const [found] = inner
  return found ? { ...found, path: [...issue.path, ...found.path] } : issue
}

export function checkInput(schema: z.core.$ZodType, value: unknown, whole: string): unknown {
  const read = z.safeParse(schema, value, { error: words, reportInput: true })
  if (read.success) return read.data
  const issue = deepest(read.error.issues)
  const keys = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const field = pathText([...(issue?.path ?? []), ...keys]).slice(0, MAX_FIELD_LENGTH)
  const text = issue?.message ?? '{field} is not valid'
  const sentence = text.replaceAll('{empty}', 'null').replaceAll('{field}', () => field || whole)
  throw invalid(sentence, field)
}

const NO_PARAMETERS = z.strictObject({})

/** Refuses an unknown or repeated parameter, because a misspelt filter must not be ignored. */
export function readQuery(c: HttpContext, { query = NO_PARAMETERS }: Operation): unknown {
  const given = new URL(c.req.url).searchParams
  for (const name of given.keys()) {
    if (name === 'access_token')
      throw invalid('a token must not be part of a URL, as access_token is', name)
    if (given.getAll(name).length > 1) throw invalid(`${name} must not be given twice`, name)
    if (!given.get(name)?.isWellFormed() || given.get(name)?.includes('\0')) {
      throw invalid(`${name} must not have the character U+0000`, name)
    }
  }
  return checkInput(query, Object.fromEntries(given), 'the query')
}

/** `refuse` makes the refusal of a body that is not JSON, or that has a member twice. */
export async function readJson(
  c: HttpContext,
  maxBytes: number,
  refuse: (sentence: string, field: string) => OAuthError,
): Promise<unknown> {
  const bytes = await readBody(c, { contentType: 'application/json', maxBytes })
  try {
    return parseJson(bytes)
  } catch (problem) {
    if (!(problem instanceof JsonProblem)) throw problem
    const field = problem.field.slice(0, MAX_FIELD_LENGTH)
    throw refuse(`${field || BODY} ${problem.message}`, field)
  }
}

/** Null for an operation without a body. */
export async function readJsonBody(
  c: HttpContext,
  { body, maxBodyBytes = MAX_BODY_BYTES }: Operation,
): Promise<unknown> {
  if (!body) {
    if (c.req.raw.body !== null && (await hasContent(c.req.raw.body))) {
      throw invalid('the operation takes no body', '')
    }
    return null
  }
  return checkInput(body, await readJson(c, maxBodyBytes, invalid), BODY)
}

async function hasContent(body: ReadableStream<Uint8Array>): Promise<boolean> {
  const reader = body.getReader()
  const { value } = await reader.read()
  await reader.cancel()
  return value !== undefined && value.length > 0
}

/**
 * RFC 9110 §8.8.3, §13.1.1: a change names the version on which it was decided. `W/` is accepted although §13.1.1 requires a
 * strong comparison: Cloudflare makes the ETag of a compressed response weak, and the tag names the same version.
 */
const TAG = /^(?:W\/)?"v(\d{1,15})"$/

export const etagOf = (version: number) => `"v${version}"`

/** Null for `*`. Throws 428 if the header is missing, and 400 for any other form. */
export function readIfMatch(header: string | undefined): ExpectedVersion {
  if (header === undefined) {
    throw new Problem(
      'precondition_required',
      'A change needs If-Match: the ETag of the record as you read it, or * for any.',
      { field: 'If-Match' },
    )
  }
  const text = header.trim()
  if (text === '*') return null
  const [, digits] = TAG.exec(text) ?? []
  if (digits !== undefined) return Number(digits)
  throw invalid('If-Match must be one ETag of this API, or *.', 'If-Match')
}
