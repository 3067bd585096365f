/** What an endpoint is: a path, the voice in which it refuses, and a handler for each method it knows. */

import type { Deps } from '../flows/deps.ts'
import type { FloodLimit } from '../http/flood.ts'
import type { FrameDeps, Framed, Serve } from '../http/frame.ts'

/** A flow's dependencies, and what only routes use. */
export type RouteDeps = Deps &
  FrameDeps &
  Readonly<{
    loginUrl: string | null
    loginLimit: FloodLimit
    /** Throws when the registry cannot serve. */
    probe: () => Promise<unknown>
  }>

export type Endpoint = Framed &
  Readonly<{
    path: string
    get?: Serve
    post?: Serve
  }>
