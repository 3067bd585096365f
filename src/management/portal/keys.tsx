/** `/clients/{id}/keys`: the public keys of a client that signs (`private_key_jwt`). */

import type { ClientRecord } from '../../domain/client.ts'
import { setOwnKeys } from '../../flows/registration/own-credentials.ts'
import { refuseFlood } from '../../http/flood.ts'
import { KEY_LABELS, KeysPage } from '../../pages/portal/keys-page.tsx'
import { invalid } from '../../protocol/registration/errors.ts'
import { readKeysNow } from '../fetched.ts'
import { asSentence } from '../page.ts'
import { doneIn } from './done.ts'
import { editableKeys, givenKeysIn, methodOf, shownKeys, typedKeysIn } from './key-form.ts'
import { ownClientPage, readClient, type Showing } from './own-client.tsx'

async function pageOf(
  client: ClientRecord,
  { shared, posted, headOf }: Showing,
  notes: readonly string[] = [],
) {
  return (
    <KeysPage
      {...shared}
      method={methodOf(client)}
      keys={await shownKeys(client)}
      address={client.jwksUri}
      notes={notes.map(asSentence)}
      typed={posted === null ? editableKeys(client) : typedKeysIn(posted)}
      form={await headOf('set_keys')}
    />
  )
}

export const keysPage = ownClientPage({
  page: 'keys',
  read: readClient,
  show: ({ found }, showing) => pageOf(found.client, showing),
  words: { labels: KEY_LABELS },
  forms: {
    set_keys: {
      async perform({ visit, posted, act, clientId, version, send }) {
        const { c, deps, found } = visit
        const keys = givenKeysIn(typedKeysIn(posted), deps.issuer)
        if (keys === null) throw invalid('{field} must not be empty, or give an address', 'jwks')
        // The registry sends a request to the address at once, so the number of attempts is limited.
        if ('jwksUri' in keys) await refuseFlood(c, deps.loginLimit)
        const set = await setOwnKeys(act, clientId, keys, version)
        const { record: client, notes } = await readKeysNow(set, deps)
        if (notes.length === 0) return
        const changed = { ...visit, found: { ...found, client } }
        return send(changed, { done: doneIn('keys') }, (showing) => pageOf(client, showing, notes))
      },
      done: 'keys',
    },
  },
})
