/** What describes the API, for everyone: the OpenAPI document, the reference, and the schema of sessions. */

import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import { Problem } from '../protocol/problem.ts'
import type { ManagementDeps } from './deps.ts'
import { type OpenApiDocument, openApiDocument } from './openapi/document.ts'
import { OPERATIONS } from './operations.ts'
import type { Page } from './page.ts'
import { REFERENCE_STYLE_PATH, ReferencePage } from './reference/page.tsx'
import { REFERENCE_STYLE } from './reference/style.ts'
import { sendProblem } from './send-problem.ts'
import { sessionSchema } from './session-schema.ts'

/** As long as the stylesheet: a deployment changes them. */
const MAX_AGE_SECONDS = 300

function requireGet({ req }: HttpContext) {
  if (req.method === 'GET' || req.method === 'HEAD') return
  throw new Problem('method_not_allowed', 'The method must be GET, HEAD.', {
    headers: { Allow: 'GET, HEAD' },
  })
}

const documents = new WeakMap<ManagementDeps, OpenApiDocument>()

/** Made when it is first asked for: making it takes longer than a request of the API. */
function documentOf(deps: ManagementDeps): OpenApiDocument {
  const document = documents.get(deps) ?? openApiDocument(deps.issuer, OPERATIONS)
  documents.set(deps, document)
  return document
}

/** A text that depends on the deployment alone: made when it is first asked for, and readable by scripts of any origin. */
function published(
  path: string,
  contentType: string,
  textOf: (deps: ManagementDeps) => string,
): Page {
  const made = new WeakMap<ManagementDeps, string>()
  return {
    path,
    sendError: sendProblem,
    isRoutine: true,
    allowsAnyOrigin: true,
    respond(c, deps) {
      requireGet(c)
      const text = made.get(deps) ?? textOf(deps)
      made.set(deps, text)
      return c.body(text, 200, {
        'Content-Type': contentType,
        'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
      })
    },
  }
}

const referencePage: Page = {
  path: '/docs',
  sendError: sendProblem,
  isRoutine: true,
  respond(c, deps) {
    requireGet(c)
    const { issuer, branding } = deps
    const page = <ReferencePage branding={branding} issuer={issuer} document={documentOf(deps)} />
    return sendPage(c, page, branding)
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
