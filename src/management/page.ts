/** A page that the worker serves without a token, outside the API's path. */

import type { FrameRules, Handled } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'
import type { ManagementDeps } from './deps.ts'

/** `respond` answers every method, and throws 405 for those that it does not know. */
export type Page = FrameRules &
  Readonly<{
    path: string
    respond: (c: HttpContext, deps: ManagementDeps) => Handled | Promise<Handled>
  }>
