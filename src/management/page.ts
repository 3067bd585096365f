/** What the pages share that the worker serves without a token, outside the API's path. */

import type { FrameRules, Handled } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'
import { OAuthError } from '../protocol/errors.ts'
import { Problem } from '../protocol/problem.ts'
import type { ManagementDeps } from './deps.ts'

/** `respond` answers every method, and throws 405 for those that it does not know. */
export type Page = FrameRules &
  Readonly<{
    path: string
    respond: (c: HttpContext, deps: ManagementDeps) => Handled | Promise<Handled>
  }>

export const notFound = () =>
  new OAuthError('invalid_request', 'There is no page at this address.', { status: 404 })

/** `allow`: the methods of the page, as the header names them. */
export const methodNotAllowed = (allow: string) =>
  new Problem('method_not_allowed', `The method must be ${allow}.`, { headers: { Allow: allow } })

export const isRead = ({ req }: HttpContext) => req.method === 'GET' || req.method === 'HEAD'

export function requireGet(c: HttpContext) {
  if (!isRead(c)) throw methodNotAllowed('GET, HEAD')
}

/** Texts of refusals begin small, so that they can stand within a sentence. */
export const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

export const asSentence = (text: string) => `${capitalized(text)}.`
