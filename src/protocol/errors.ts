/** Errors: what the caller sees (RFC 6749 §4.1.2.1 and §5.2), and the detail that only the log gets. */

const STATUSES = {
  invalid_request: 400,
  invalid_client: 401,
  invalid_grant: 400,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_scope: 400,
  invalid_target: 400,
  invalid_dpop_proof: 400,
  invalid_redirect_uri: 400,
  invalid_client_metadata: 400,
  invalid_software_statement: 400,
  login_required: 400,
  consent_required: 400,
  access_denied: 403,
  temporarily_unavailable: 503,
} as const
export type ErrorCode = keyof typeof STATUSES

const NOT_FOUND = 404

/** The usual status of a direct response. */
export const statusOf = (code: ErrorCode): number => STATUSES[code]

type Options = Readonly<{
  /** For the operator's log. Never a secret. */
  detail?: string
  /** The name of the application that the error concerns, for a page. */
  application?: string
  status?: number
  headers?: Readonly<Record<string, string>>
}>

export class OAuthError extends Error {
  readonly code: ErrorCode
  /** The sentence for the client's developer: each cause that the caller may know has one fixed sentence. */
  readonly description: string
  readonly detail: string
  readonly application: string | null
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, description: string, options: Options = {}) {
    super(`${code}: ${options.detail ?? description}`)
    this.name = 'OAuthError'
    this.code = code
    this.description = description
    this.detail = options.detail ?? description
    this.application = options.application ?? null
    this.status = options.status ?? STATUSES[code]
    this.headers = options.headers ?? {}
  }

  /** The reason for the log and for `why`. */
  get reason(): string {
    return this.code
  }

  /** The response for a path that does not exist has no correlation id, because scanners request many such paths. */
  get hasReference(): boolean {
    return this.status !== NOT_FOUND
  }
}

/** RFC 6749 §4.1.2, RFC 9700 §4.14.2: a second use of a code or token that is no retry ends the first one's tokens. */
export class Replayed extends OAuthError {}

/** RFC 6749 §4.1.2.1, §5.2: the registry's page that explains the code. */
export const errorUri = (code: ErrorCode, issuer: string) => `${issuer}/errors/${code}`

/** RFC 6749 §5.2. */
export const errorBody = (error: OAuthError, issuer: string) => ({
  error: error.code,
  error_description: error.description,
  error_uri: errorUri(error.code, issuer),
})
