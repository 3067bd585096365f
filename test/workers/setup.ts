/** Runs in workerd before each test file. */

import { emptyStorage } from './empty-storage.ts'

await emptyStorage()
