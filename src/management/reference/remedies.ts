/** What a caller does about each type of problem: shown at `/docs`, where the type's URL leads. */

import type { ProblemType } from '../../protocol/problem.ts'

export const REMEDIES: Readonly<Record<ProblemType, string>> = {
  invalid_request: 'Correct what detail says; field names the member, the parameter or the header.',
  authentication_required: 'Send an access token of this registry in the header Authorization.',
  invalid_token:
    'Obtain another access token: this one has expired, was revoked, is unknown, or is bound to a key and came without the scheme DPoP.',
  invalid_dpop_proof:
    'Make a new proof for each request: with its method, its address without the query, the time, its own jti, and ath of the token (RFC 9449 §4.2).',
  insufficient_scope:
    'Obtain a token with the scope that WWW-Authenticate names. The client, and the user if there is one, must hold it.',
  forbidden:
    'Use a token with registry:admin. What gives a scope that begins with registry:, or changes a client or a user with one, needs it.',
  not_found: 'Check the id. A record that was deleted is only in the audit.',
  no_such_path: 'Check the path: this page lists every path.',
  method_not_allowed: 'Use a method that the header Allow names.',
  timeout: 'Send the request again. Nothing was changed.',
  conflict:
    'Read the record that is there, and decide: choose another id, or change the record with PATCH.',
  stale: 'Read the record again, decide on what you read, and send the change with the new ETag.',
  too_large: 'Send less at once.',
  unsupported_media_type: 'Send JSON in UTF-8 with Content-Type: application/json.',
  precondition_required:
    'Send If-Match with the ETag of the record as you read it, or * if any version will do.',
  too_many_requests: 'Wait. Retry-After says for how many seconds.',
  unavailable:
    'Send a GET again. After a failed change, read the record first: the change may have been made.',
}
