/** HTML responses: a page of ours with headers that let it load nothing, run nothing and be framed by nobody. */

import type { Context } from 'hono'
import type { JSX } from 'hono/jsx/jsx-runtime'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { NO_STORE } from './respond.ts'

type Options = Readonly<{
  status?: number
  /**
   * May the answer to a form of this page lead to another site? Chromium holds `form-action` to the whole chain of
   * redirects after a post. A client's callback may redirect to any address, so the directive is left out then.
   */
  mayLeadAway?: boolean
  headers?: Readonly<Record<string, string>>
}>

const policy = (mayLeadAway: boolean) =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    ...(mayLeadAway ? [] : ["form-action 'self'"]),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

export const sendPage = (
  c: Context,
  page: JSX.Element,
  { status = 200, mayLeadAway = false, headers = {} }: Options = {},
) =>
  c.html(page, status as ContentfulStatusCode, {
    ...NO_STORE,
    'Content-Security-Policy': policy(mayLeadAway),
    'X-Frame-Options': 'DENY',
    ...headers,
  })
