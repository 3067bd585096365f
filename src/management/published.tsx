/**
 * What is the same for everyone and needs no sign-in: the API's description (the OpenAPI document, the reference and the
 * schema of sessions), the explanations of error codes, and the images of clients.
 */

import { LOGOS_PATH } from '../domain/shown-client.ts'
import { isPreflight, preflightResponse } from '../http/any-origin.ts'
import type { FrameRules } from '../http/frame.ts'
import { sendPage } from '../http/page.ts'
import { explanationOf, explanations } from '../pages/error-explanations.ts'
import { ExplanationIndexPage, ExplanationPage } from '../pages/error-page.tsx'
import { OAuthError } from '../protocol/errors.ts'
import { Problem } from '../protocol/problem.ts'
import { sendErrorPage } from '../routes/error-page.tsx'
import type { ManagementDeps } from './deps.ts'
import { openApiDocument } from './openapi/document.ts'
import { OPERATIONS } from './operations.ts'
import { type Page, requireGet } from './page.ts'
import { sendProblem } from './problems.ts'
import { REFERENCE_STYLE_PATH, ReferencePage } from './reference/page.tsx'
import { sessionSchema } from './session-schema.ts'
import { REFERENCE_STYLE } from './styles.ts'

/** The time is that of the stylesheet: only a deployment changes these texts. */
const MAX_AGE_SECONDS = 300

const READS = ['GET', 'HEAD']

/** Handles GET and HEAD, and a preflight if scripts of any origin may read. */
const readable = (
  path: string,
  respond: Page['respond'],
  rules: FrameRules = { sendError: sendProblem },
): Page => ({
  path,
  isRoutine: true,
  ...rules,
  respond(c, deps) {
    if (rules.allowsAnyOrigin && isPreflight(c.req.raw)) return preflightResponse(c.req.raw, READS)
    requireGet(c)
    return respond(c, deps)
  },
})

/** The text is made at the first request: this takes longer than a request of the API, and depends only on the deployment. */
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
  const headers = {
    'Content-Type': contentType,
    'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
  }
  return readable(path, (c, deps) => c.body(textOf(deps), 200, headers), {
    sendError: sendProblem,
    allowsAnyOrigin: true,
  })
}

const referenceOf = once((deps) =>
  (
    <ReferencePage branding={deps.branding} issuer={deps.issuer} document={documentOf(deps)} />
  ).toString(),
)

const LOGO_HEADERS = {
  // A stranger chose the bytes, so as a document they may do nothing. The registry's pages can still show the image.
  'Content-Security-Policy': "default-src 'none'; sandbox",
  'Content-Disposition': 'attachment',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // The content never changes, because the path has its digest.
  'Cache-Control': 'public, max-age=86400, immutable',
}

export const PUBLISHED: readonly Page[] = [
  readable('/docs', (c, deps) => sendPage(c, referenceOf(deps), deps.branding)),
  published(REFERENCE_STYLE_PATH, 'text/css; charset=utf-8', () => REFERENCE_STYLE),
  published('/openapi.json', 'application/json', (deps) => JSON.stringify(documentOf(deps))),
  published('/schemas/session.json', 'application/schema+json', ({ issuer }) =>
    JSON.stringify(sessionSchema(issuer)),
  ),
  // The address of `error_uri` (RFC 6749 §4.1.2.1, §5.2).
  readable(
    '/errors',
    (c, { branding }) =>
      sendPage(c, <ExplanationIndexPage branding={branding} codes={explanations()} />, branding),
    { sendError: sendErrorPage },
  ),
  readable(
    '/errors/:code',
    (c, { branding }) => {
      const explanation = explanationOf(c.req.param('code') ?? '')
      if (explanation) {
        return sendPage(c, <ExplanationPage branding={branding} {...explanation} />, branding)
      }
      throw new OAuthError('invalid_request', 'There is no such error code here.', { status: 404 })
    },
    { sendError: sendErrorPage },
  ),
  readable(`${LOGOS_PATH}/:digest`, async (c, { logos }) => {
    const logo = await logos.find(c.req.param('digest') ?? '')
    if (!logo) throw new Problem('no_such_path', 'There is no image at this path.')
    return c.body(logo.bytes, 200, { 'Content-Type': logo.mediaType, ...LOGO_HEADERS })
  }),
]
