/** A token presented to be revoked (RFC 7009 §2.1) or inspected (RFC 7662 §2.1). */

import { isWellFormed } from '../crypto/token.ts'
import { type Fields, required } from './fields.ts'

export type PresentedToken = Readonly<{
  /** `none`: not a token that this registry could have issued to a client. */
  kind: 'accessToken' | 'refreshToken' | 'none'
  token: string
}>

/**
 * A token says by its prefix what it is. So `token_type_hint`, by which a server may begin its search, is of no
 * use here and is not read: RFC 7009 §2.1 wants a token found whatever the hint. Throws `invalid_request`.
 */
export function readPresentedToken(fields: Fields): PresentedToken {
  const token = required(fields, 'token')
  const kinds = ['accessToken', 'refreshToken'] as const
  return { kind: kinds.find((kind) => isWellFormed(kind, token)) ?? 'none', token }
}
