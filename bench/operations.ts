/** What is measured, and the one contract between whoever serves and whoever asks. */

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

/** With signed access tokens (RFC 9068), which are not stored. */
export const isSigned = (operation: Operation) => operation.startsWith('signed_')

/** `simulator`: Miniflare's D1 and KV. `memory`: bindings answered from memory. `own`: a peer's own memory. */
export type Storage = 'simulator' | 'memory' | 'own'

/**
 * Every server answers `GET /bench/requests?operation=O&n=N` with this: requests to be sent as they stand, each
 * once when `once`, else over and over in turn. An answer is right when it has the status and holds the text.
 */
export type Handout = Readonly<{
  requests: readonly string[]
  once: boolean
  status: number
  text: string
}>

export const HANDOUT_PATH = '/bench/requests'

/** What a server prints, in one line, when all of its ports serve. */
export type Ready = Readonly<{ ports: Readonly<Record<string, number>> }>

/** How many tokens to check in turn. */
export const TOKENS_TO_CHECK = 64

export const asOperation = (text: string | null): Operation => {
  const operation = OPERATIONS.find((one) => one === text)
  if (!operation) throw new Error(`there is no operation ${text}`)
  return operation
}
