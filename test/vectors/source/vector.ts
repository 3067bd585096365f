/** The types of the files of vectors, which ../README.md describes. */

export type Required = Readonly<{
  scopes: readonly string[]
  audience?: string
  resource?: string
  category?: string
}>

type Session = Readonly<{
  sub: string
  client_id: string
  scopes: readonly string[]
  audience: readonly string[]
  endorsements: readonly string[]
  jkt?: string
}>

export type Allowed = Readonly<{ status: 200; session: Session }>
export type Refused = Readonly<{
  status: 401 | 403
  /** Null if no credential was presented, so that the challenge has no error. */
  error: string | null
  scheme: 'Bearer' | 'DPoP'
  /** The scopes in the challenge; '' for none. Absent if the ways to check differ. */
  scope?: string
}>
export type Answer = Allowed | Refused

export type Form = 'any' | 'opaque' | 'signed'

export type Vector = Readonly<{
  title: string
  form: Form
  /** Epoch seconds, in place of the file's `now`. */
  now?: number
  request: Readonly<{ method: string; url: string; headers: Readonly<Record<string, string>> }>
  required: Required
  answer: Answer
  /** The response to the same request a second time. */
  repeated?: Answer
}>

export type VectorFile = Readonly<{
  description: string
  issuer: string
  now: number
  keySet: Readonly<{ keys: readonly object[] }>
  /** The response of `/introspect` for each token. Any other token is not active. */
  introspection: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  vectors: readonly Vector[]
}>
