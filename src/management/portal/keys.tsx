/** `/clients/{id}/keys`: the public keys of a client that signs (`private_key_jwt`). */

import type { ClientRecord } from '../../domain/client.ts'
import { ALL_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'
import { setOwnKeys } from '../../flows/registration/own-credentials.ts'
import { refuseFlood } from '../../http/flood.ts'
import { KeysPage } from '../../pages/portal/keys-page.tsx'
import { readKeysNow } from '../fetched.ts'
import { asSentence } from '../page.ts'
import { actOf, invalid } from './attempt.ts'
import {
  editableKeys,
  givenKeysIn,
  KEY_LABELS,
  methodOf,
  shownKeys,
  typedKeysIn,
} from './key-form.ts'
import { clientDone, ownClientPage, readClient, type Showing, showingOf } from './own-client.tsx'
import { sendPortalPage } from './portal-page.tsx'

const FORM = 'set_keys'

async function pageOf(
  client: ClientRecord,
  { shared, posted, hiddenOf }: Showing,
  notes: readonly string[] = [],
) {
  return (
    <KeysPage
      {...shared}
      method={methodOf(client)}
      keys={await shownKeys(client)}
      address={client.jwksUri}
      notes={notes.map(asSentence)}
      endsWithin={ALL_REVOKED_WITHIN_SECONDS}
      typed={posted === null ? editableKeys(client) : typedKeysIn(posted)}
      labels={KEY_LABELS}
      hidden={await hiddenOf(FORM)}
    />
  )
}

export const keysPage = ownClientPage({
  page: 'keys',
  read: readClient,
  show: ({ found }, showing) => pageOf(found.client, showing),
  formIn: (visit, posted) => ({
    name: FORM,
    labels: KEY_LABELS,
    async act(version) {
      const { c, deps, found } = visit
      const { clientId } = found.client
      const keys = givenKeysIn(typedKeysIn(posted), deps.issuer)
      if (keys === null) throw invalid('{field} must not be empty, or give an address', 'jwks')
      // The registry asks the address at once, so the number of attempts is limited.
      if ('jwksUri' in keys) await refuseFlood(c, deps.loginLimit)
      const set = await setOwnKeys(actOf(visit), clientId, keys, version)
      const { record: client, notes } = await readKeysNow(set, deps)
      if (notes.length === 0) return clientDone(clientId, 'keys')
      const done = 'The keys of the client were changed.'
      const showing = await showingOf({ ...visit, found: { ...found, client } }, { done })
      return sendPortalPage(visit, await pageOf(client, showing, notes))
    },
  }),
})
