/** The management worker: composed once per isolate. It has no address: the registry forwards to it and calls its methods. */

import { WorkerEntrypoint, waitUntil } from 'cloudflare:workers'
import { misconfigured } from '../http/frame.ts'
import type { Resolution, ResolutionRequest } from '../protocol/client-documents.ts'
import { composeManagement, type ManagementEnv } from './compose.ts'

let management: ReturnType<typeof composeManagement> | undefined

const composed = (env: ManagementEnv) => {
  management ??= composeManagement(env, waitUntil)
  return management
}

export default class extends WorkerEntrypoint<ManagementEnv> {
  override async fetch(request: Request): Promise<Response> {
    try {
      composed(this.env)
    } catch (fault) {
      return misconfigured(fault)
    }
    return composed(this.env).fetch(request, this.env, this.ctx)
  }

  /** Throws when storage fails, or when this worker is set up wrongly. */
  async resolveClientDocument(asked: ResolutionRequest): Promise<Resolution> {
    return composed(this.env).resolveClientDocument(asked)
  }

  /** Nothing waits for it. Throws as above. */
  async fetchLogo(clientId: string): Promise<void> {
    return composed(this.env).fetchLogo(clientId)
  }

  /** Removes what is left of clients and users that are deleted. Throws as above. */
  async finishDeletions(): Promise<void> {
    return composed(this.env).finishDeletions()
  }

  /** Sends what the webhook has to tell. Throws as above. */
  async sendWebhooks(): Promise<void> {
    return composed(this.env).sendWebhooks()
  }
}
