/** All operations of the management API. Its routes, its guard and `/openapi.json` are made from this list. */

import { auditOperations } from './audit.ts'
import type { Operation } from './operation.ts'
import { refusalOperations } from './refusals.ts'
import { statusOperations } from './status.ts'

export const OPERATIONS: readonly Operation[] = [
  ...auditOperations,
  ...refusalOperations,
  ...statusOperations,
]
