/** `status`: the schema, the settings, and what cron did last. */

import * as z from 'zod/mini'
import { operation } from './operation.ts'
import { Instant, isoTime } from './times.ts'

const Status = z.strictObject({
  issuer: z.string(),
  schema: z.nullable(z.strictObject({ version: z.string(), applied_at: Instant })),
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  cron: z.array(
    z.strictObject({
      task: z.string(),
      ran_at: Instant,
      removed: z.int(),
      left_over: z.int(),
    }),
  ),
})

export const statusOperations = [
  operation({
    method: 'GET',
    path: '/status',
    name: 'getStatus',
    noun: 'status',
    summary: 'Show the state of the deployment',
    description:
      'The last migration of the database, every setting with its value, and the last run of each task of cron: rows removed, and expired rows left for the next run. The task `run` counts the runs.',
    scopes: ['registry:read'],
    answers: {
      200: {
        description: 'The state.',
        schema: Status,
        example: {
          issuer: 'https://auth.example.org',
          schema: { version: '0008_known_browsers.sql', applied_at: '2026-10-01T12:00:00.000Z' },
          settings: { SESSION_LIFETIME_SECONDS: 7200, LOGIN_URL: null },
          cron: [
            { task: 'refusal', ran_at: '2026-10-01T12:00:00.000Z', removed: 17, left_over: 0 },
          ],
        },
      },
    },
    async handle(_call, { issuer, givenSettings, status }) {
      const { schema, housekeeping } = await status.read()
      return {
        body: {
          issuer,
          schema: schema && { version: schema.name, applied_at: isoTime(schema.appliedAt) },
          settings: givenSettings,
          cron: housekeeping.map(({ task, ranAt, removed, leftOver }) => ({
            task,
            ran_at: isoTime(ranAt),
            removed,
            left_over: leftOver,
          })),
        },
      }
    },
  }),
]
