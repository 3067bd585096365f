/** The paths of the management worker, which has no address of its own. */

import { LOGOS_PATH } from '../domain/shown-client.ts'
import { INVITATION_PATH } from '../domain/user.ts'
import type { Endpoint } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'

/** Sends a request to the worker as it came. */
export type Forward = (request: Request) => Promise<Response>

export const MANAGEMENT_PATHS = [
  '/admin/v1',
  '/admin/v1/*',
  '/openapi.json',
  '/docs',
  '/docs/style.css',
  '/schemas/session.json',
  '/errors',
  '/errors/:code',
  INVITATION_PATH,
  `${LOGOS_PATH}/*`,
  '/register',
  '/register/:client_id',
  '/clients',
  '/clients/*',
  '/new-client',
  '/approvals',
  '/approvals/:client_id',
  '/directory',
  '/portal.css',
] as const

/** For people; the others are for programs. */
const PAGES: readonly string[] = [
  ...['/errors', '/errors/:code', INVITATION_PATH, '/clients', '/clients/*', '/new-client'],
  ...['/approvals', '/approvals/:client_id', '/directory'],
]

/** Scripts of any origin may call these. The worker itself says so too; this is for an answer without it. */
const isForAnyOrigin = (path: string) => path.startsWith('/register')

/**
 * The request goes on with its own headers: the address of the caller is in CF-Connecting-IP, which only Cloudflare can
 * set. The management worker logs it under a correlation id of its own, so it is routine here: one line a request.
 */
export const managementEndpoints = (forward: Forward): Endpoint[] =>
  MANAGEMENT_PATHS.map((path) => ({
    path,
    ...(PAGES.includes(path) && { sendError: sendErrorPage }),
    isRoutine: true,
    allowsAnyOrigin: isForAnyOrigin(path),
    anyMethod: async (c) => {
      const response = await forward(c.req.raw)
      // The headers of a fetched response cannot be changed.
      return new Response(response.body, response)
    },
  }))
