/** The management worker: composed once per isolate. It has no address: the registry forwards to it. */

import { misconfigured } from '../http/misconfigured.ts'
import { composeManagement, type ManagementEnv } from './compose.ts'

let management: ReturnType<typeof composeManagement> | undefined

export default {
  async fetch(request, env, context) {
    try {
      management ??= composeManagement(env)
    } catch (fault) {
      return misconfigured(fault)
    }
    return management.fetch(request, env, context)
  },
} satisfies ExportedHandler<ManagementEnv>
