/** What an endpoint is: a path, the voice in which it refuses, and a handler for each method it knows. */

import type { Deps } from '../flows/deps.ts'
import type { RefusalDeps } from '../http/explain.ts'
import type { FloodLimit } from '../http/flood.ts'
import type { Framed, Serve } from '../http/frame.ts'

/** A flow's dependencies, and what only routes use. Each request has its own. */
export type RouteDeps = Deps &
  RefusalDeps &
  Readonly<{
    loginUrl: string | null
    loginLimit: FloodLimit
    /** Throws when the registry cannot serve. */
    probe: () => Promise<unknown>
  }>

export type Endpoint = Framed &
  Readonly<{
    path: string
    get?: Serve<RouteDeps>
    post?: Serve<RouteDeps>
  }>
