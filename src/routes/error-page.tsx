/** A refusal or a fault, told to the person at the browser. */

import type { Context } from 'hono'
import { explain } from '../http/explain.ts'
import { sendPage } from '../http/page.ts'
import { sendRefusal } from '../http/respond.ts'
import { ErrorPage } from '../pages/error-page.tsx'
import { errorUri, OAuthError } from '../protocol/errors.ts'

/** Paths that only programs ask for. */
const FOR_PROGRAMS = /^\/(?:\.well-known|register|token|revoke|introspect)(?:\/|$)|\.json$/

/** A browser that shows a page names HTML. */
const asksForJson = (c: Context) => {
  const accept = (c.req.header('Accept') ?? '').toLowerCase()
  return accept.includes('application/json') && !accept.includes('text/html')
}

/** There is nothing here: told to programs in JSON, and to people by a page. */
export function sendNotFound(c: Context, cause: unknown): Response | Promise<Response> {
  const isForPrograms = FOR_PROGRAMS.test(c.req.path) || !['GET', 'HEAD'].includes(c.req.method)
  return isForPrograms ? sendRefusal(c, cause) : sendErrorPage(c, cause)
}

/** A path or a method that does not exist: a program may ask for it where pages are. */
const isUnknown = (cause: unknown) =>
  cause instanceof OAuthError && (cause.status === 404 || cause.status === 405)

export function sendErrorPage(c: Context, cause: unknown): Response | Promise<Response> {
  if (isUnknown(cause) && asksForJson(c)) return sendRefusal(c, cause)
  const { refusal, correlationId, headers } = explain(c, cause)
  const isFault = refusal.code === 'temporarily_unavailable'
  const page = (
    <ErrorPage
      title={isFault ? 'Not now' : 'This cannot go on'}
      message={refusal.description}
      hint={
        isFault
          ? 'Nothing was lost. Wait a moment and reload the page.'
          : 'Go back to the application and start again. If it happens again, tell its developers.'
      }
      reference={correlationId}
      explanation={correlationId && errorUri(refusal.code, '')}
    />
  )
  return sendPage(c, page, {
    status: refusal.status,
    headers: { ...headers, ...refusal.headers },
  })
}
