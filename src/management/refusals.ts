/** `refusals/{id}`: why a request was refused. */

import * as z from 'zod/mini'
import { readCorrelationId } from '../crypto/random.ts'
import { Problem } from '../protocol/problem.ts'
import { isoTime } from '../protocol/registration/field.ts'
import { Instant, named } from './openapi/schemas.ts'
import { operation } from './operation.ts'

const Refusal = named(
  'Refusal',
  z.strictObject({
    correlation_id: z.string(),
    refused_at: Instant,
    endpoint: z.string(),
    error: z.string(),
    detail: z.string(),
    client_id: z.nullable(z.string()),
  }),
)

export const refusalOperations = [
  operation({
    method: 'GET',
    path: '/refusals/{correlation_id}',
    name: 'getRefusal',
    summary: 'Say why a request was refused',
    description:
      'By the correlation id of its response (X-Correlation-Id), in any case, with or without hyphens. Kept for one day.',
    scopes: ['registry:read'],
    responses: {
      200: {
        description: 'The cause.',
        schema: Refusal,
        example: {
          correlation_id: '7Q2K9D4M1X',
          refused_at: '2026-10-01T12:00:00.000Z',
          endpoint: 'POST /token',
          error: 'invalid_client',
          detail: 'no such client',
          client_id: 'Z5sV2mXkq0',
        },
      },
    },
    async handle({ key, act }, { refusals }) {
      const id = readCorrelationId(key)
      const refused = id === null ? null : await refusals.find(id, act.now)
      if (!refused) {
        throw new Problem('not_found', 'Nothing is recorded under this id.', {
          field: 'correlation_id',
        })
      }
      return {
        body: {
          correlation_id: refused.correlationId,
          refused_at: isoTime(refused.refusedAt),
          endpoint: refused.endpoint,
          error: refused.error,
          detail: refused.detail,
          client_id: refused.clientId,
        },
      }
    },
  }),
]
