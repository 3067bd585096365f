/** A request to an address that a client or an operator names, and its result. `src/outbound/` sends it. */

/** Media types, without parameters, in lower case. `+json` stands for every type with that suffix (RFC 6839 §3.1). */
export type Accepted = readonly string[]
export const JSON_TYPES: Accepted = ['application/json', '+json']

export type OutboundRequest = Readonly<{
  url: string
  accept: Accepted
  maxBytes: number
  /** The time limit for the response with its body. */
  deadlineSeconds: number
}>

export type Outbound =
  | Readonly<{
      kind: 'fetched'
      bytes: Uint8Array<ArrayBuffer>
      /** Lower case, without parameters. */
      mediaType: string
      /** How long the response's headers let a cache use it (RFC 9111 §4.2.1); null if they do not say. */
      freshSeconds: number | null
    }>
  /** `reason`: the end of a sentence that begins with the address. It contains nothing that the other server sent. */
  | Readonly<{ kind: 'failed'; reason: string }>

export type FetchBounded = (request: OutboundRequest) => Promise<Outbound>

export type OutboundPost = Readonly<{
  url: string
  body: string
  mediaType: string
  headers: Readonly<Record<string, string>>
  /** The time limit until the headers of the response. */
  deadlineSeconds: number
}>

export type Posted =
  | Readonly<{ kind: 'accepted' }>
  /** `reason`: as for a failed read. `isGone`: the receiver wants no more requests (410). */
  | Readonly<{ kind: 'failed'; reason: string; isGone: boolean }>

export type PostBounded = (post: OutboundPost) => Promise<Posted>
