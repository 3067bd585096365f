/** HTML responses: a page of ours with headers that let it load nothing, run nothing and be framed by nobody. */

import type { Context } from 'hono'
import type { JSX } from 'hono/jsx/jsx-runtime'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { NO_STORE } from './respond.ts'

type Options = Readonly<{
  status?: number
  /** Where this page's forms may lead besides ourselves: browsers hold the redirect after a post to it. */
  formTarget?: string
  headers?: Readonly<Record<string, string>>
}>

const policy = (formTarget: string) =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    `form-action 'self' ${formTarget}`.trim(),
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ')

export const sendPage = (
  c: Context,
  page: JSX.Element,
  { status = 200, formTarget = '', headers = {} }: Options = {},
) =>
  c.html(page, status as ContentfulStatusCode, {
    ...NO_STORE,
    'Content-Security-Policy': policy(formTarget),
    'X-Frame-Options': 'DENY',
    ...headers,
  })
