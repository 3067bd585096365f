/** The measured operations, and the interface between the servers and the load. */

export const OPERATIONS = [
  'token_cold',
  'token_warm',
  'signed_token',
  'exchange',
  'signed_exchange',
  'check',
  'signed_check',
] as const
export type Operation = (typeof OPERATIONS)[number]

export const OPERATION_NAMES: Readonly<Record<Operation, string>> = {
  token_cold: 'client_credentials, record cold',
  token_warm: 'client_credentials, record warm',
  signed_token: 'client_credentials, record warm, signed',
  exchange: 'code exchange',
  signed_exchange: 'code exchange, signed',
  check: 'check of a token',
  signed_check: 'check of a signed token',
}

/** Whether the operation uses signed access tokens (RFC 9068), which are not stored. */
export const isSigned = (operation: Operation) => operation.startsWith('signed_')

/** `simulator`: Miniflare's D1 and KV. `memory`: D1 and KV in memory. `own`: a peer's own memory. */
export type Storage = 'simulator' | 'memory' | 'own'

/**
 * The response of every server to `GET /bench/requests?operation=O&n=N`: complete requests. With `once` each is sent once,
 * otherwise they are repeated in turn. A right response has the status and contains the text.
 */
export type Handout = Readonly<{
  requests: readonly string[]
  once: boolean
  status: number
  text: string
}>

export const HANDOUT_PATH = '/bench/requests'

/** The line that a server prints when all of its ports serve. */
export type Ready = Readonly<{ ports: Readonly<Record<string, number>> }>

/** The number of tokens that are checked in turn. */
export const TOKENS_TO_CHECK = 64

export const asOperation = (text: string | null): Operation => {
  const operation = OPERATIONS.find((one) => one === text)
  if (!operation) throw new Error(`there is no operation ${text}`)
  return operation
}
