/** A KV namespace over Cloudflare's HTTP API, or that of a registry running on this machine: to write to only. */

import type { TextWriter } from '../stores/database.ts'
import { type Api, callApi } from './cloudflare-api.ts'

export const kvOverHttp = (api: Api, namespaceId: string): TextWriter => ({
  async put(key, value, { expirationTtl } = {}) {
    const namespace = encodeURIComponent(namespaceId)
    const ttl = expirationTtl === undefined ? '' : `?expiration_ttl=${expirationTtl}`
    await callApi(api, 'KV', {
      method: 'PUT',
      path: `/storage/kv/namespaces/${namespace}/values/${encodeURIComponent(key)}${ttl}`,
      contentType: 'application/octet-stream',
      body: value,
    })
  },
})
