/** An endpoint: a path, how it sends an error, and a handler for each method, or one handler for all methods. */

import type { Branding } from '../domain/branding.ts'
import type { RegistrationMode } from '../domain/registration.ts'
import type { Deps } from '../flows/deps.ts'
import type { FloodLimit } from '../http/flood.ts'
import type { FrameRules, Handled } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'

/** The dependencies of the flows, and those that only routes use. They are composed once per isolate. */
export type RouteDeps = Deps &
  Readonly<{
    loginUrl: string | null
    branding: Branding
    registration: RegistrationMode
    /** Is the management Worker bound, which has the pages of owners? */
    hasPortal: boolean
    /** Can everybody read the directory? */
    hasDirectory: boolean
    loginLimit: FloodLimit
    /** The limit of refused requests. */
    refusalLimit: FloodLimit
    /** Fetches the logo of a client whose logo is not stored. Does nothing if no management Worker is bound. */
    fetchLogo: (clientId: string) => Promise<void>
    /** Throws if the registry cannot serve. */
    probe: () => Promise<unknown>
  }>

export type Handler = (c: HttpContext, deps: RouteDeps) => Handled | Promise<Handled>

export type Endpoint = FrameRules &
  Readonly<{ path: string; get?: Handler; post?: Handler; anyMethod?: Handler }>
