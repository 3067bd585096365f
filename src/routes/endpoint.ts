/** What an endpoint is: a path, the voice in which it refuses, and a handler for each method it knows. */

import type { Context, Handler } from 'hono'
import type { Deps } from '../flows/deps.ts'
import type { RefusalDeps } from '../http/explain.ts'
import type { FloodLimit } from '../http/flood.ts'

/** A flow's dependencies, and what only routes use. */
export type RouteDeps = Deps &
  RefusalDeps &
  Readonly<{
    loginUrl: string | null
    loginLimit: FloodLimit
    /** Throws when the registry cannot serve. */
    probe: () => Promise<unknown>
  }>

export type Endpoint = Readonly<{
  path: string
  /** Answers a refusal or a fault thrown by a handler: JSON for clients, a page for people. */
  refuse: (c: Context, cause: unknown) => Response | Promise<Response>
  /** May scripts of any origin call it? For what browsers need without a cookie of ours. */
  allowsAnyOrigin?: boolean
  get?: Handler
  post?: Handler
}>
