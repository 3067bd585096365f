/** The table of grants: what `grant_type` may say. */

import type { GrantType } from '../../domain/client.ts'
import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import type { Grant } from './grant.ts'
import { refreshToken } from './refresh-token.ts'

export const grants = {
  client_credentials: clientCredentials,
  authorization_code: authorizationCode,
  refresh_token: refreshToken,
} satisfies Record<GrantType, Grant>

export const isGrantType = (text: string): text is GrantType => Object.hasOwn(grants, text)
