/** The question of a request to `/auth`: its query, its headers, and the request that a DPoP proof must be for. */

import type { Question } from './check.ts'
import type { OriginalRequest } from './proxy.ts'

/** What the caller requires of the session. */
export type Requirement = Readonly<{
  scopes: readonly string[]
  resource: string | null
  category: string | null
  /** The URI of the resource that the token must be for. */
  audience: string | null
  /** `fresh` in a query: revocations are read from D1 and not from KV. */
  immediate: boolean
  /** An anonymous caller is refused, even if nothing else is required. */
  required: boolean
}>

type QueryReading =
  | Readonly<{ kind: 'read'; requirement: Requirement }>
  | Readonly<{ kind: 'malformed'; reason: string }>

const NO_REQUIREMENT: QueryReading = {
  kind: 'read',
  requirement: {
    scopes: [],
    resource: null,
    category: null,
    audience: null,
    immediate: false,
    required: false,
  },
}
const KNOWN = ['scope', 'resource', 'category', 'audience', 'fresh', 'required']

const malformed = (reason: string): QueryReading => ({ kind: 'malformed', reason })

/**
 * Refuses an unknown or repeated parameter, because a misspelt requirement must not be ignored. Refuses a token in the query,
 * because URLs are logged and kept in histories (RFC 6750 §5.3, RFC 9700 §4.3.2).
 */
export function readQuery(query: string): QueryReading {
  if (query === '') return NO_REQUIREMENT
  const asked = new URLSearchParams(query)
  if (asked.has('access_token')) return malformed('A token must not be part of a URL.')
  for (const name of asked.keys()) {
    if (!KNOWN.includes(name))
      return malformed(`A query parameter is unknown. The known ones are ${KNOWN.join(', ')}.`)
    if (name !== 'scope' && asked.getAll(name).length > 1) {
      return malformed('A query parameter is repeated.')
    }
  }
  const requirement = {
    scopes: asked.getAll('scope'),
    resource: asked.get('resource'),
    category: asked.get('category'),
    audience: asked.get('audience'),
    immediate: asked.has('fresh'),
    required: asked.has('required'),
  }
  return { kind: 'read', requirement }
}

/** The members are getters, so that a header is read only if the check needs it. */
export const httpQuestion = (
  requirement: Requirement,
  headers: Headers,
  original: OriginalRequest,
): Question => ({
  ...requirement,
  get authorization() {
    return headers.get('Authorization')
  },
  get cookie() {
    return headers.get('Cookie')
  },
  get dpop() {
    return headers.get('DPoP')
  },
  get method() {
    return original.method
  },
  get url() {
    return original.url
  },
})
