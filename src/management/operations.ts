/** All operations of the management API. Its routes, its guard and `/openapi.json` are made from this list. */

import { auditOperations } from './audit.ts'
import { categoryOperations } from './categories.ts'
import { clientListingOperations } from './client-listing.ts'
import { clientPartOperations } from './client-parts.ts'
import { clientOperations } from './clients.ts'
import { documentHostOperations } from './document-hosts.ts'
import { importOperations } from './imports.ts'
import { invitationOperations } from './invitations.ts'
import type { Operation } from './operation.ts'
import { refusalOperations } from './refusals.ts'
import { resourceOperations } from './resources.ts'
import { scopeOperations } from './scopes.ts'
import { sessionOperations } from './sessions.ts'
import { statusOperations } from './status.ts'
import { userOperations } from './users.ts'

export const OPERATIONS: readonly Operation[] = [
  ...clientOperations,
  ...clientPartOperations,
  ...clientListingOperations,
  ...userOperations,
  ...scopeOperations,
  ...resourceOperations,
  ...categoryOperations,
  ...documentHostOperations,
  ...invitationOperations,
  ...importOperations,
  ...sessionOperations,
  ...auditOperations,
  ...refusalOperations,
  ...statusOperations,
]
