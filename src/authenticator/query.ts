/** The query of `GET /auth`: each word of it read, none passed over. */

/** What the caller of `/auth` requires of the session. */
export type Requirement = Readonly<{
  scopes: readonly string[]
  resource: string | null
  category: string | null
  /** `fresh`: revocations are asked of D1, not of what KV shows. */
  immediate: boolean
  /** `required`: an anonymous caller is refused, whatever else is required. */
  required: boolean
}>

export type QueryReading =
  | Readonly<{ kind: 'read'; requirement: Requirement }>
  | Readonly<{ kind: 'malformed'; reason: string }>

const NO_REQUIREMENT: QueryReading = {
  kind: 'read',
  requirement: { scopes: [], resource: null, category: null, immediate: false, required: false },
}
const KNOWN = ['scope', 'resource', 'category', 'fresh', 'required']

const malformed = (reason: string): QueryReading => ({ kind: 'malformed', reason })

/**
 * An unknown or repeated word is refused: a misspelt requirement must not pass as none. So is a token
 * (RFC 6750 §5.3 and RFC 9700 §4.3.2: URLs are logged and remembered).
 */
export function readQuery(query: string): QueryReading {
  if (query === '') return NO_REQUIREMENT
  const asked = new URLSearchParams(query)
  if (asked.has('access_token')) return malformed('A token must not be part of a URL.')
  for (const name of asked.keys()) {
    if (!KNOWN.includes(name)) return malformed('A query parameter is not known.')
    if (name !== 'scope' && asked.getAll(name).length > 1) {
      return malformed('A query parameter is repeated.')
    }
  }
  const requirement = {
    scopes: asked.getAll('scope'),
    resource: asked.get('resource'),
    category: asked.get('category'),
    immediate: asked.has('fresh'),
    required: asked.has('required'),
  }
  return { kind: 'read', requirement }
}
