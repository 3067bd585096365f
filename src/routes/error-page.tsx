/** The page that shows a refusal or a fault to the person at the browser. */

import { sendErrorJson } from '../http/frame.ts'
import { sendPage } from '../http/page.ts'
import type { HttpContext } from '../http/request-context.ts'
import { ErrorPage } from '../pages/error-page.tsx'
import { errorUri, type OAuthError } from '../protocol/errors.ts'
import type { Endpoint } from './endpoint.ts'

/** The paths that only programs request. */
const FOR_PROGRAMS = /^\/(?:\.well-known|register|token|revoke|introspect)(?:\/|$)|\.json$/

/** A browser that shows a page names HTML in its `Accept` header. */
const asksForJson = (c: HttpContext) => {
  const accept = (c.req.header('Accept') ?? '').toLowerCase()
  return accept.includes('application/json') && !accept.includes('text/html')
}

type SendError = NonNullable<Endpoint['sendError']>

/** The response for 404: JSON for programs, a page for people. */
export const sendNotFound: SendError = (c, refusal, site) => {
  const isForPrograms = FOR_PROGRAMS.test(c.req.path) || !['GET', 'HEAD'].includes(c.req.method)
  return (isForPrograms ? sendErrorJson : sendErrorPage)(c, refusal, site)
}

/** Is it a path or a method that does not exist? A program may request it at a path of pages too. */
const isUnknown = ({ status }: OAuthError) => status === 404 || status === 405

function wordsFor({ code, status, description: message, headers }: OAuthError) {
  if (status === 404) {
    const message = 'There is no page at this address.'
    return { title: 'Page not found', message, hint: <a href="/">To the start page</a> }
  }
  if (code === 'temporarily_unavailable') {
    const seconds = headers['Retry-After'] ?? '1'
    const wait = seconds === '1' ? '1 second' : `${seconds} seconds`
    return {
      title: 'Temporarily unavailable',
      message,
      hint: `Nothing was lost. Wait ${wait}, then reload the page.`,
    }
  }
  const hint =
    'Go back to the application and start again. If it happens again, tell its developers.'
  return { title: 'This request failed', message, hint }
}

export const sendErrorPage: SendError = (c, refusal, site) => {
  if (isUnknown(refusal) && asksForJson(c)) return sendErrorJson(c, refusal, site)
  const reference = refusal.hasReference ? c.get('request').correlationId() : null
  const page = (
    <ErrorPage
      branding={site.branding}
      {...wordsFor(refusal)}
      application={refusal.application}
      reference={reference}
      explanation={reference && errorUri(refusal.code, '')}
    />
  )
  return sendPage(c, page, site.branding, { refusal })
}
