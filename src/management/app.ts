/**
 * The management Worker as one Hono application: the routes of the API, which are made from the rows of `OPERATIONS`, and the
 * pages.
 */

import { Hono, type NotFoundHandler } from 'hono'
import { prefetch } from '../flows/prefetch.ts'
import { type FrameRules, frame, type Handled } from '../http/frame.ts'
import type { HttpContext, RequestEnv } from '../http/request-context.ts'
import { SIGNS_HEADER } from '../protocol/key-set.ts'
import { Problem } from '../protocol/problem.ts'
import { RegistrationError } from '../protocol/registration/errors.ts'
import { sendNotFound } from '../routes/error-page.tsx'
import type { ManagementDeps } from './deps.ts'
import { directoryPage } from './directory.tsx'
import { actorOf, admit } from './guard.ts'
import { etagOf, readIfMatch, readJsonBody, readQuery } from './input.ts'
import { invitationPage } from './invitation.tsx'
import { API_PATH, type Call, type Operation, type Result, returnsVersion } from './operation.ts'
import { OPERATIONS } from './operations.ts'
import type { Page } from './page.ts'
import { PORTAL_PAGES } from './portal/portal-pages.ts'
import { problemOf, sendProblem } from './problems.ts'
import { PUBLISHED } from './published.tsx'
import { registrationEndpoints } from './register.ts'

/** The pages that the Worker serves without a token, outside the API's path. */
export const PAGES: readonly Page[] = [
  invitationPage,
  directoryPage,
  ...PORTAL_PAGES,
  ...PUBLISHED,
  ...registrationEndpoints,
]

/** No CORS: an operator's token does not belong in a page, and programs do not need CORS. */
const RULES: FrameRules = { sendError: sendProblem }

/** Turns OpenAPI's `{client_id}` into Hono's `:client_id`. */
const routeOf = (path: string) => API_PATH + path.replace(/\{(\w+)\}/g, ':$1')

const methodsOf = (operations: readonly Operation[]) => [
  ...operations.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])),
  'OPTIONS',
]

function operationFor(c: HttpContext, operations: readonly Operation[]): Operation {
  const asked = c.req.method === 'HEAD' ? 'GET' : c.req.method
  const found = operations.find(({ method }) => method === asked)
  if (found) return found
  const allow = methodsOf(operations).join(', ')
  throw new Problem('method_not_allowed', `The method must be one of ${allow}.`, {
    headers: { Allow: allow },
  })
}

const responseOf = (
  c: HttpContext,
  operation: Operation,
  { status = 200, body, version, location }: Result,
) =>
  c.json(body, status, {
    ...(returnsVersion(operation) && version !== undefined && { ETag: etagOf(version) }),
    ...(location !== undefined && { Location: API_PATH + location }),
  })

/** Throws a Problem if a flow refuses. */
const perform = (operation: Operation, call: Call<unknown, unknown>, deps: ManagementDeps) =>
  operation.handle(call, deps).catch((cause: unknown) => {
    throw cause instanceof RegistrationError ? problemOf(cause) : cause
  })

/** The token is checked first, so that a caller without a token learns nothing about faults of the input. */
async function handle(
  c: HttpContext,
  operations: readonly Operation[],
  deps: ManagementDeps,
): Promise<Handled> {
  c.set('callerId', null)
  if (c.req.method === 'OPTIONS') {
    return new Response(null, { status: 204, headers: { Allow: methodsOf(operations).join(', ') } })
  }
  const operation = operationFor(c, operations)
  const { caller, confirm } = await admit(c, operation.scopes, deps)
  const call: Call<unknown, unknown> = {
    act: {
      actor: actorOf(caller),
      now: c.get('request').now,
      ports: deps.ports,
      cannotSign: c.req.header(SIGNS_HEADER) === 'no',
    },
    key: Object.values(c.req.param())[0] ?? '',
    query: readQuery(c, operation),
    version: operation.isConditional ? readIfMatch(c.req.header('If-Match')) : null,
    body: await readJsonBody(c, operation),
  }
  if (operation.method !== 'GET') {
    // The token is confirmed first, so that nothing is read or written for a revoked token.
    await confirm()
    return responseOf(c, operation, await perform(operation, call, deps))
  }
  const result = prefetch(perform(operation, call, deps))
  await confirm()
  return responseOf(c, operation, await result)
}

/** JSON below the API's path, and elsewhere what the registry sends: people open pages of the portal that do not exist. */
const NOWHERE: FrameRules = {
  sendError: (c, refusal, site) =>
    (c.req.path.startsWith(API_PATH) ? sendProblem : sendNotFound)(c, refusal, site),
}

function handleNowhere(): never {
  throw new Problem('no_such_path', 'There is nothing at this path: /docs lists what there is.')
}

export function createManagement(deps: ManagementDeps) {
  const app = new Hono<RequestEnv>()
  for (const [path, operations] of Map.groupBy(OPERATIONS, (one) => one.path)) {
    app.all(
      routeOf(path),
      frame(RULES, deps, (c) => handle(c, operations, deps)),
    )
  }
  for (const page of PAGES) {
    app.all(
      page.path,
      frame(page, deps, (c) => page.respond(c, deps)),
    )
  }
  app.notFound(frame(NOWHERE, deps, handleNowhere) as NotFoundHandler<RequestEnv>)
  return app
}
