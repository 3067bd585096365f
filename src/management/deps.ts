/** What the operations are given: composed once per isolate. */

import type { SeenProofs } from '../authenticator/seen-proofs.ts'
import type { Settings } from '../config.ts'
import type { FloodLimit } from '../http/flood.ts'
import type { FrameDeps } from '../http/frame.ts'
import type { Resolution } from '../protocol/client-documents.ts'
import type { FetchBounded } from '../protocol/outbound.ts'
import type { ApprovalsReader } from '../stores/approvals.ts'
import type { AuditReader } from '../stores/audit.ts'
import type { DirectoryReader } from '../stores/directory.ts'
import type { InvitationStore } from '../stores/invitations.ts'
import type { LiveSessions } from '../stores/live-sessions.ts'
import type { LogoStore } from '../stores/logos.ts'
import type { PortalReader } from '../stores/portal.ts'
import type { RefusalStore } from '../stores/refusals.ts'
import type { RegistrationPorts } from '../stores/registration.ts'
import type { SelfRegistrations } from '../stores/self-registrations.ts'
import type { StatusReader } from '../stores/status.ts'
import type { CheckerStores } from './checker/stores.ts'
import type { EdgeCache } from './edge-cache.ts'

/** Stores whose methods have a deadline, and the settings of the registry. */
export type ManagementDeps = FrameDeps &
  Readonly<{
    settings: Settings
    /** By their names, with the defaults: for `status`. */
    givenSettings: Readonly<Record<string, unknown>>
    liveSessions: LiveSessions
    proofs: SeenProofs
    refusalLimit: FloodLimit
    loginLimit: FloodLimit
    refusals: RefusalStore
    ports: RegistrationPorts
    registrations: SelfRegistrations
    portal: PortalReader
    approvals: ApprovalsReader
    /** Stores that only read, for the request checker. */
    checkerStores: CheckerStores
    directory: DirectoryReader
    edgeCache: EdgeCache
    invitations: InvitationStore
    logos: LogoStore
    /** Sends a request to an address that a client or an operator names. */
    fetchBounded: FetchBounded
    /** Reads the keys that a client publishes, and keeps them. */
    readKeys: (clientId: string) => Promise<Resolution>
    audit: AuditReader
    status: StatusReader
  }>
