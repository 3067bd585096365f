/** A refusal or a fault, told to the person at the browser. */

import type { Context } from 'hono'
import { explain } from '../http/explain.ts'
import { sendPage } from '../http/page.ts'
import { ErrorPage } from '../pages/error-page.tsx'
import { errorUri } from '../protocol/errors.ts'

export function sendErrorPage(c: Context, cause: unknown): Response | Promise<Response> {
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
