/** A KV namespace over Cloudflare's HTTP API, or that of a registry running on this machine. */

import type { TextNamespace } from '../stores/database.ts'
import { type Api, callApi, readFromApi } from './cloudflare-api.ts'

export function kvOverHttp(api: Api, namespaceId: string): TextNamespace {
  const pathOf = (key: string) =>
    `/storage/kv/namespaces/${encodeURIComponent(namespaceId)}/values/${encodeURIComponent(key)}`
  return {
    async put(key, value, { expirationTtl } = {}) {
      const ttl = expirationTtl === undefined ? '' : `?expiration_ttl=${expirationTtl}`
      await callApi(api, 'KV', {
        method: 'PUT',
        path: `${pathOf(key)}${ttl}`,
        contentType: 'application/octet-stream',
        body: value,
      })
    },
    get: (key) => readFromApi(api, 'KV', pathOf(key)),
    async delete(key) {
      await callApi(api, 'KV', { method: 'DELETE', path: pathOf(key) })
    },
  }
}
