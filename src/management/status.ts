/** `status`: the schema, the settings, what cron did last, and who can administer. */

import * as z from 'zod/mini'
import { isoTime } from '../protocol/registration/field.ts'
import { described, Instant, named, text } from './openapi/schemas.ts'
import { operation } from './operation.ts'

const Status = z.strictObject({
  issuer: z.string(),
  schema: z.nullable(
    z.strictObject({ version: z.string(), applied_at: Instant, migrations: z.array(z.string()) }),
  ),
  settings: z.record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]),
  ),
  cron: z.array(
    z.strictObject({
      task: z.string(),
      ran_at: Instant,
      removed: z.int(),
      left_over: z.int(),
    }),
  ),
  webhook: z.nullable(
    z.strictObject({
      waiting: described('requests and decisions that wait to be sent', z.int()),
      oldest_at: z.nullable(Instant),
      failure: z.nullable(text('why an attempt failed')),
    }),
  ),
  permissions: z.strictObject({
    operators: described('clients that can get a token with registry:admin by themselves', z.int()),
    administrators: described('enabled users with registry:admin', z.int()),
    declared_scopes: z.int(),
    undeclared_scopes: described(
      'that clients or users hold or request; at most 50',
      z.array(z.string()),
    ),
  }),
})

export const statusOperations = [
  operation({
    method: 'GET',
    path: '/status',
    name: 'getStatus',
    summary: 'Show the state of the deployment',
    description:
      'The last migration of the database, every setting with its value, and what cron did: when each task last had something to do, the rows that it removed then, and the expired rows left for the next run. The task `run` counts the runs. Also what waits for the webhook (null while `WEBHOOK_URL` is not set): it is dropped after 36 hours, by the task `webhook_delivery`. Also who can administer, and which scopes are used and not declared.',
    scopes: ['registry:read'],
    responses: {
      200: {
        description: 'The state.',
        schema: named('Status', Status),
        example: {
          issuer: 'https://auth.example.org',
          schema: {
            version: '0001_registry.sql',
            applied_at: '2026-10-01T12:00:00.000Z',
            migrations: ['0001_registry.sql'],
          },
          settings: { SESSION_LIFETIME_SECONDS: 7200, LOGIN_URL: null },
          cron: [
            { task: 'refusal', ran_at: '2026-10-01T12:00:00.000Z', removed: 17, left_over: 0 },
          ],
          webhook: { waiting: 0, oldest_at: null, failure: null },
          permissions: {
            operators: 1,
            administrators: 2,
            declared_scopes: 17,
            undeclared_scopes: ['wiki:edit'],
          },
        },
      },
    },
    async handle(_call, { issuer, givenSettings, status }) {
      const found = await status.read()
      const last = found.migrations.at(-1)
      return {
        body: {
          issuer,
          schema: last
            ? {
                version: last.name,
                applied_at: isoTime(last.appliedAt),
                migrations: found.migrations.map(({ name }) => name),
              }
            : null,
          settings: givenSettings,
          cron: found.housekeeping.map(({ task, ranAt, removed, leftOver }) => ({
            task,
            ran_at: isoTime(ranAt),
            removed,
            left_over: leftOver,
          })),
          webhook: givenSettings.WEBHOOK_URL
            ? {
                waiting: found.webhook.waiting,
                oldest_at: isoTime(found.webhook.oldestAt),
                failure: found.webhook.failure,
              }
            : null,
          permissions: {
            operators: found.operators,
            administrators: found.administrators,
            declared_scopes: found.declaredScopes,
            undeclared_scopes: found.undeclaredScopes,
          },
        },
      }
    },
  }),
]
