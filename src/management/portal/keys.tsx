/** `/clients/{id}/keys`: the public keys of a client that signs (`private_key_jwt`). */

import { ALL_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'
import { setOwnKeys } from '../../flows/registration/own-credentials.ts'
import { refuseFlood } from '../../http/flood.ts'
import { clientPath } from '../../pages/portal/frame.tsx'
import { KeysPage } from '../../pages/portal/keys-page.tsx'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import type { OwnClient } from '../../stores/portal.ts'
import { readKeysNow } from '../fetched.ts'
import { asSentence } from '../sentence.ts'
import { actOf, attempt, clientFormFields, type Refused } from './attempt.ts'
import {
  editableKeys,
  givenKeysIn,
  KEY_LABELS,
  methodOf,
  shownKeys,
  type TypedKeys,
  typedKeysIn,
} from './key-form.ts'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const FORM = 'set_keys'

type Shown = Readonly<{
  typed: TypedKeys
  refused?: Refused
  done?: string
  notes?: readonly string[]
}>

async function show(visit: Visit<OwnClient>, { typed, refused, done, notes = [] }: Shown) {
  const { client } = visit.found
  const { clientId, name } = client
  const page = (
    <KeysPage
      frame={await frameOf(visit, { problem: refused?.problem ?? null, done: done ?? null })}
      clientId={clientId}
      name={name}
      method={methodOf(client)}
      keys={await shownKeys(client)}
      address={client.jwksUri}
      notes={notes.map(asSentence)}
      endsWithin={ALL_REVOKED_WITHIN_SECONDS}
      typed={typed}
      labels={KEY_LABELS}
      hidden={await clientFormFields(visit, FORM, client)}
    />
  )
  return sendPortalPage(visit, page, refused ?? {})
}

async function set(visit: Visit<OwnClient>, typed: TypedKeys, version: number) {
  const keys = givenKeysIn(typed, visit.deps.issuer)
  if (keys === null) {
    throw new RegistrationError('invalid', '{field} must not be empty, or give an address', 'jwks')
  }
  // The address is asked at once, so the number of tries is limited.
  if ('jwksUri' in keys) await refuseFlood(visit.c, visit.deps.loginLimit)
  return readKeysNow(
    await setOwnKeys(actOf(visit), visit.found.client.clientId, keys, version),
    visit.deps,
  )
}

export const keysPage = portalPage<OwnClient>({
  path: '/clients/:client_id/keys',
  read: ({ reader, visitor, c }) => reader.client(visitor, c.req.param('client_id') ?? ''),
  get: (visit) => show(visit, { typed: editableKeys(visit.found.client) }),
  async post(visit, form) {
    const { clientId } = visit.found.client
    const typed = typedKeysIn(form)
    const asked = { form: FORM, id: clientId, labels: KEY_LABELS }
    const attempted = await attempt(visit, form, asked, (version) => set(visit, typed, version))
    if (attempted.kind === 'refused') return show(visit, { typed, refused: attempted })
    const { record, notes } = attempted.done
    if (notes.length === 0) return visit.c.redirect(`${clientPath(clientId)}?done=keys`, 303)
    const found = { ...visit.found, client: record }
    const done = 'The keys of the client were changed.'
    return show({ ...visit, found }, { typed: editableKeys(record), done, notes })
  },
})
