/** The paths of the management Worker, which has no address of its own. */

import { LOGOS_PATH } from '../domain/shown-client.ts'
import { INVITATION_PATH } from '../domain/user.ts'
import type { Endpoint } from './endpoint.ts'
import { sendErrorPage } from './error-page.tsx'

/** Sends a request to the Worker unchanged. */
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

/** The paths for people; the other paths are for programs. */
const PAGES: readonly string[] = [
  ...['/errors', '/errors/:code', INVITATION_PATH, '/clients', '/clients/*', '/new-client'],
  ...['/approvals', '/approvals/:client_id', '/directory'],
]

/** May scripts of any origin call the path? The management Worker says so too; this is for a response without it. */
const isForAnyOrigin = (path: string) => path.startsWith('/register')

/**
 * The request is forwarded with its own headers: CF-Connecting-IP has the address of the caller, and only Cloudflare can set
 * it. The management Worker logs the request under a correlation id of its own, so the registry does not report it: there is
 * one line for a request.
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
