/** HTML responses: their headers forbid a page to load, run or submit anything foreign, and forbid framing the page. */

import type { JSX } from 'hono/jsx/jsx-runtime'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Branding } from '../domain/branding.ts'
import type { OAuthError } from '../protocol/errors.ts'
import type { HttpContext } from './request-context.ts'

type Options = Readonly<{
  /** The refusal that the page explains. The frame reports the refusal. */
  refusal?: OAuthError | null
  /** The status of a page that shows a form again with its problems. The default is the status of the refusal, or 200. */
  status?: number
  /**
   * May the response to a form of this page lead to another site? Chromium applies `form-action` to the whole chain of
   * redirects after a post. A client's callback may redirect to any address, so the directive is then left out.
   */
  mayLeadAway?: boolean
  /** base64 SHA-256 of the page's only script. */
  scriptDigest?: string | null
}>

/** A source expression cannot contain a query. The setting refuses a URL with a query. */
const imageSources = ({ logo }: Branding) =>
  logo && 'url' in logo ? `'self' ${logo.url}` : "'self'"

const policy = (branding: Branding, mayLeadAway: boolean, scriptDigest: string | null) =>
  [
    "default-src 'none'",
    ...(scriptDigest === null ? [] : [`script-src 'sha256-${scriptDigest}'`]),
    "style-src 'self'",
    `img-src ${imageSources(branding)}`,
    ...(mayLeadAway ? [] : ["form-action 'self'"]),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

export function sendPage(
  c: HttpContext,
  page: JSX.Element | string,
  branding: Branding,
  {
    refusal = null,
    status = refusal?.status ?? 200,
    mayLeadAway = false,
    scriptDigest = null,
  }: Options = {},
) {
  if (refusal) c.set('refusal', refusal)
  return c.html(page, status as ContentfulStatusCode, {
    'Content-Security-Policy': policy(branding, mayLeadAway, scriptDigest),
    'X-Frame-Options': 'DENY',
  })
}
