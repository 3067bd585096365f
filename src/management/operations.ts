/** All operations of the management API. Its routes, its guard and `/openapi.json` are made from this list. */

import { auditOperations } from './audit.ts'
import { categoryOperations } from './categories.ts'
import { clientPartOperations } from './client-parts.ts'
import { clientOperations } from './clients.ts'
import { documentHostOperations } from './document-hosts.ts'
import { importOperations } from './imports.ts'
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
  ...userOperations,
  ...scopeOperations,
  ...resourceOperations,
  ...categoryOperations,
  ...documentHostOperations,
  ...importOperations,
  ...sessionOperations,
  ...auditOperations,
  ...refusalOperations,
  ...statusOperations,
]
