/** What describes the API, for everyone: the OpenAPI document, the reference, and the schema of sessions. */

import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import { Problem } from '../protocol/problem.ts'
import type { ManagementDeps } from './deps.ts'
import { openApiDocument } from './openapi/document.ts'
import { OPERATIONS } from './operations.ts'
import type { Page } from './page.ts'
import { sendProblem } from './problems.ts'
import { REFERENCE_STYLE_PATH, ReferencePage } from './reference/page.tsx'
import { REFERENCE_STYLE } from './reference/style.ts'
import { sessionSchema } from './session-schema.ts'

/** As long as the stylesheet: a deployment changes them. */
const MAX_AGE_SECONDS = 300

export function requireGet({ req }: HttpContext) {
  if (req.method === 'GET' || req.method === 'HEAD') return
  throw new Problem('method_not_allowed', 'The method must be GET, HEAD.', {
    headers: { Allow: 'GET, HEAD' },
  })
}

/** What depends on the deployment alone is made when it is first asked for: that takes longer than a request of the API. */
function once<Made>(make: (deps: ManagementDeps) => Made): (deps: ManagementDeps) => Made {
  const made = new WeakMap<ManagementDeps, Made>()
  return (deps) => {
    const one = made.get(deps) ?? make(deps)
    made.set(deps, one)
    return one
  }
}

const documentOf = once(({ issuer }) => openApiDocument(issuer, OPERATIONS))

/** A text that scripts of any origin may read. */
export function published(
  path: string,
  contentType: string,
  make: (deps: ManagementDeps) => string,
): Page {
  const textOf = once(make)
  return {
    path,
    sendError: sendProblem,
    isRoutine: true,
    allowsAnyOrigin: true,
    respond(c, deps) {
      requireGet(c)
      return c.body(textOf(deps), 200, {
        'Content-Type': contentType,
        'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
      })
    },
  }
}

const referenceOf = once((deps) =>
  (
    <ReferencePage branding={deps.branding} issuer={deps.issuer} document={documentOf(deps)} />
  ).toString(),
)

const referencePage: Page = {
  path: '/docs',
  sendError: sendProblem,
  isRoutine: true,
  respond(c, deps) {
    requireGet(c)
    return sendPage(c, referenceOf(deps), deps.branding)
  },
}

export const PUBLISHED: readonly Page[] = [
  referencePage,
  published(REFERENCE_STYLE_PATH, 'text/css; charset=utf-8', () => REFERENCE_STYLE),
  published('/openapi.json', 'application/json', (deps) => JSON.stringify(documentOf(deps))),
  published('/schemas/session.json', 'application/schema+json', ({ issuer }) =>
    JSON.stringify(sessionSchema(issuer)),
  ),
]
