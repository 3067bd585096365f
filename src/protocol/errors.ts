/** Errors: what the caller sees (RFC 6749 §4.1.2.1 and §5.2), and the detail for the log only. */

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
  /** The name of the application that it concerns, for a page. */
  application?: string
  status?: number
  headers?: Readonly<Record<string, string>>
}>

export class OAuthError extends Error {
  readonly code: ErrorCode
  /** For the client's developer: one fixed sentence for each cause that the caller may know. */
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

  /** For the log and for `why`. */
  get reason(): string {
    return this.code
  }

  /** Does the response have a correlation id? Not for a path that does not exist: scanners ask for many of them. */
  get hasReference(): boolean {
    return this.status !== NOT_FOUND
  }
}

/** A code or a refresh token that was used before, and not by a retry: the tokens of the first use end (RFC 6749 §4.1.2, RFC 9700 §4.14.2). */
export class Replayed extends OAuthError {}

/** RFC 6749 §4.1.2.1, §5.2: our page that explains the code. */
export const errorUri = (code: ErrorCode, issuer: string) => `${issuer}/errors/${code}`

/** RFC 6749 §5.2. */
export const errorBody = (error: OAuthError, issuer: string) => ({
  error: error.code,
  error_description: error.description,
  error_uri: errorUri(error.code, issuer),
})
