/** What a grant is: it reads its parameters, then, for an authenticated client, issues a token or refuses. */

import type { Client } from '../../domain/client.ts'
import type { Fields } from '../../protocol/fields.ts'
import type { IssuedToken } from '../../protocol/token-response.ts'
import type { Deps, RequestContext } from '../deps.ts'
import type { TokenProof } from '../proof-of-possession.ts'

/** Who asks: an authenticated client, and the thumbprint of the key that it proved to hold (RFC 9449), if any. */
export type Caller = Readonly<{
  client: Client
  /** D1's moment of this request, as in `Lookup`. */
  asOfMs: number
  jkt: string | null
  /** Not yet recorded as used: the grant does that last. */
  proof: TokenProof | null
}>

/**
 * The first call reads the parameters and may start to read what needs no client, so that both reads go on at
 * once. The second issues. Both throw `OAuthError`; a refusal that rests on the client's record comes before any effect.
 */
export type Grant = (
  fields: Fields,
  deps: Deps,
  context: RequestContext,
) => (caller: Caller) => Promise<IssuedToken>
