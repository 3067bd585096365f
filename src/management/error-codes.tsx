/** `/errors` and `/errors/CODE`: where `error_uri` leads (RFC 6749 §4.1.2.1, §5.2). */

import { sendPage } from '../http/page.ts'
import { explanationOf, explanations } from '../pages/error-explanations.ts'
import { ExplanationIndexPage, ExplanationPage } from '../pages/explanation-page.tsx'
import { OAuthError } from '../protocol/errors.ts'
import { sendErrorPage } from '../routes/error-page.tsx'
import type { Page } from './page.ts'
import { requireGet } from './published.tsx'

export const errorIndexPage: Page = {
  path: '/errors',
  sendError: sendErrorPage,
  isRoutine: true,
  respond(c, { branding }) {
    requireGet(c)
    return sendPage(
      c,
      <ExplanationIndexPage branding={branding} codes={explanations()} />,
      branding,
    )
  },
}

export const errorCodePage: Page = {
  path: '/errors/:code',
  sendError: sendErrorPage,
  isRoutine: true,
  respond(c, { branding }) {
    requireGet(c)
    const explanation = explanationOf(c.req.param('code') ?? '')
    if (!explanation) {
      throw new OAuthError('invalid_request', 'There is no such error code here.', { status: 404 })
    }
    return sendPage(c, <ExplanationPage branding={branding} {...explanation} />, branding)
  },
}
