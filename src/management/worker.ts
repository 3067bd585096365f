/**
 * The management Worker, which is composed once per isolate. It has no address: the registry forwards requests to it and
 * calls its methods.
 */

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

  /** Throws if storage fails, or if this Worker has a wrong setting. */
  async resolveClientDocument(asked: ResolutionRequest): Promise<Resolution> {
    return composed(this.env).resolveClientDocument(asked)
  }

  /** Fetches the logo of a client; nothing waits for it. Throws the same errors as `resolveClientDocument`. */
  async fetchLogo(clientId: string): Promise<void> {
    return composed(this.env).fetchLogo(clientId)
  }

  /** Removes what is left of deleted clients and users. Throws the same errors as `resolveClientDocument`. */
  async finishDeletions(): Promise<void> {
    return composed(this.env).finishDeletions()
  }

  /** Sends the waiting events of the webhook. Throws the same errors as `resolveClientDocument`. */
  async sendWebhooks(): Promise<void> {
    return composed(this.env).sendWebhooks()
  }
}
