/** What the pages share that the Worker serves without a token, outside the API's path. */

import type { FrameRules, Handled } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'
import { OAuthError } from '../protocol/errors.ts'
import { Problem } from '../protocol/problem.ts'
import type { ManagementDeps } from './deps.ts'

/** `respond` handles every method, and throws 405 for a method that the page does not have. */
export type Page = FrameRules &
  Readonly<{
    path: string
    respond: (c: HttpContext, deps: ManagementDeps) => Handled | Promise<Handled>
  }>

export const notFound = () =>
  new OAuthError('invalid_request', 'There is no page at this address.', { status: 404 })

/** `allow`: the methods of the page, in the form of the header. */
export const methodNotAllowed = (allow: string) =>
  new Problem('method_not_allowed', `The method must be ${allow}.`, { headers: { Allow: allow } })

export const isRead = ({ req }: HttpContext) => req.method === 'GET' || req.method === 'HEAD'

export function requireGet(c: HttpContext) {
  if (!isRead(c)) throw methodNotAllowed('GET, HEAD')
}

/** Texts of refusals begin in lower case, so that they can stand within a sentence. */
export const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)

export const asSentence = (text: string) => `${capitalized(text)}.`
