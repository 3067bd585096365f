/** What the files of vectors have: see ../README.md. */

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
  /** Null: no credential was presented, so the challenge has no error. */
  error: string | null
  scheme: 'Bearer' | 'DPoP'
  /** The scopes in the challenge; '' for none. Absent where the ways to check differ. */
  scope?: string
}>
export type Answer = Allowed | Refused

export type Form = 'any' | 'opaque' | 'signed'

export type Vector = Readonly<{
  title: string
  form: Form
  /** Epoch seconds, instead of the file's. */
  now?: number
  request: Readonly<{ method: string; url: string; headers: Readonly<Record<string, string>> }>
  required: Required
  answer: Answer
  /** To the same request once more. */
  repeated?: Answer
}>

export type VectorFile = Readonly<{
  description: string
  issuer: string
  now: number
  keySet: Readonly<{ keys: readonly object[] }>
  /** What the registry answers about a token at `/introspect`. About any other token: that it is not active. */
  introspection: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  vectors: readonly Vector[]
}>
