/** The logo that an owner names is fetched at once, so that the owner sees it, or why it is not shown. */

import type { ClientRecord } from '../../domain/client.ts'
import { fetchLogo } from '../../flows/logos.ts'
import type { Outcome } from '../../flows/registration/change.ts'
import { refuseFlood } from '../../http/flood.ts'
import { OAuthError } from '../../protocol/errors.ts'
import type { Visit } from './portal-page.tsx'

export async function withLogo<Made extends Outcome<ClientRecord>>(
  made: Made,
  { c, deps }: Pick<Visit<unknown>, 'c' | 'deps'>,
): Promise<Made> {
  const { clientId, logoUri } = made.record
  if (logoUri === '') return made
  try {
    await refuseFlood(c, deps.loginLimit)
  } catch (cause) {
    // The consent page has it fetched later.
    if (cause instanceof OAuthError) return made
    throw cause
  }
  const missing = await fetchLogo(clientId, deps, c.var.request.now)
  return missing === null ? made : { ...made, notes: [...made.notes, missing.sentence] }
}
