/** The fake servers outside, which `test/outbound-world.ts` plays for the Workers under test. */

/** The host that controls the fake servers, which no Worker under test may ask. */
export const CONTROLS = 'https://controls.invalid'

/** What an address answers. */
export type Published = Readonly<{
  status?: number
  headers?: Readonly<Record<string, string>>
  body?: string
  /** So many bytes of filling follow the body. */
  fillingBytes?: number
  /** The body comes in pieces of this size, one each `pieceEveryMs`. */
  pieceBytes?: number
  pieceEveryMs?: number
  /** Before the headers. */
  delayMs?: number
}>

/** `null` removes an address. */
export async function publish(url: string, answer: Published | null): Promise<void> {
  await publishAll([[url, answer]])
}

export async function publishAll(all: readonly (readonly [string, Published | null])[]) {
  await fetch(`${CONTROLS}/publish`, { method: 'POST', body: JSON.stringify(all) })
}

export type Seen = Readonly<{
  url: string
  method: string
  headers: Record<string, string>
  body: string
}>

/** Every request that came for this host (with its port), in order. */
export async function requestsTo(host: string): Promise<readonly Seen[]> {
  return (await fetch(`${CONTROLS}/requests?host=${encodeURIComponent(host)}`)).json()
}

export async function allRequests(): Promise<readonly Seen[]> {
  return (await fetch(`${CONTROLS}/requests`)).json()
}

let hosts = 0
/** A host that no other test has. */
export function newHost(): string {
  hosts += 1
  return `app-${String(hosts).padStart(5, '0')}-${crypto.randomUUID().slice(0, 8)}.example`
}

/** The members of a valid document at this address. */
export const documentAt = (url: string, more: Readonly<Record<string, unknown>> = {}) => ({
  client_id: url,
  client_name: 'Example host',
  redirect_uris: [`${new URL(url).origin}/callback`],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  ...more,
})

/** The response with which an author serves a document. */
export const served = (
  document: unknown,
  headers: Readonly<Record<string, string>> = {},
): Published => ({
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=600', ...headers },
  body: JSON.stringify(document),
})
