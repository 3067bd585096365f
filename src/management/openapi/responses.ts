/** The refusals in the document: one component for each status, with the problem types that have it. */

import * as z from 'zod/mini'
import {
  PROBLEM_MEDIA_TYPE,
  PROBLEM_TYPES,
  PROBLEMS,
  type ProblemType,
} from '../../protocol/problem.ts'
import type { Operation } from '../operation.ts'
import { maybe, named, text } from './schemas.ts'

export const ProblemDocument = named(
  'Problem',
  z.strictObject({
    type: text('a URL of this page, which explains the type'),
    title: text('the same for every problem of the type'),
    status: z.int(),
    detail: text('what is wrong with this request'),
    correlation_id: maybe('for GET /refusals/{correlation_id}; also in X-Correlation-Id'),
    field: maybe('the member, parameter or header: name, scopes[1], If-Match'),
  }),
)

const NAMES: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  408: 'RequestTimeout',
  409: 'Conflict',
  412: 'PreconditionFailed',
  413: 'ContentTooLarge',
  415: 'UnsupportedMediaType',
  428: 'PreconditionRequired',
  429: 'TooManyRequests',
  503: 'ServiceUnavailable',
}

const HEADERS: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'WWW-Authenticate': 'RFC 6750 §3: the scheme, the error and a scope that suffices.' },
  403: { 'WWW-Authenticate': 'RFC 6750 §3: the scheme, the error and a scope that suffices.' },
  429: { 'Retry-After': 'Seconds.' },
  503: { 'Retry-After': 'Seconds.' },
}

export const headersOf = (descriptions: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(descriptions).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' } },
    ]),
  )

const ALWAYS: readonly ProblemType[] = [
  'invalid_request',
  'authentication_required',
  'invalid_token',
  'invalid_dpop_proof',
  'insufficient_scope',
  'forbidden',
  'too_many_requests',
  'unavailable',
]

const problemsOf = ({ path, body, isConditional, problems = [] }: Operation): ProblemType[] => [
  ...ALWAYS,
  ...(path.includes('{') ? (['not_found'] as const) : []),
  ...(body ? (['timeout', 'too_large', 'unsupported_media_type'] as const) : []),
  ...(isConditional ? (['stale', 'precondition_required'] as const) : []),
  ...problems,
]

const statusOf = (type: ProblemType): number => PROBLEMS[type].status

export const refusalsOf = (operation: Operation) =>
  Object.fromEntries(
    [...new Set(problemsOf(operation).map(statusOf))]
      .sort((a, b) => a - b)
      .map((status) => [status, { $ref: `#/components/responses/${NAMES[status]}` }]),
  )

export const responseComponents = (issuer: string) =>
  Object.fromEntries(
    Object.entries(NAMES).map(([status, name]) => {
      const types = PROBLEM_TYPES.filter((type) => statusOf(type) === Number(status))
      const example = (type: ProblemType) => ({
        type: `${issuer}/docs#${type}`,
        ...PROBLEMS[type],
        detail: `${PROBLEMS[type].title}.`,
        correlation_id: '7Q2K9D4M1X',
      })
      return [
        name,
        {
          description: types.map((type) => `${type}: ${PROBLEMS[type].title}.`).join(' '),
          headers: headersOf({
            'X-Correlation-Id': 'What the operator finds the cause by.',
            ...HEADERS[Number(status)],
          }),
          content: {
            [PROBLEM_MEDIA_TYPE]: {
              schema: { $ref: '#/components/schemas/Problem' },
              examples: Object.fromEntries(types.map((type) => [type, { value: example(type) }])),
            },
          },
        },
      ]
    }),
  )
