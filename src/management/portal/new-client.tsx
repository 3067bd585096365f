/** `/new-client`: registers a client of the visitor. */

import { idFrom } from '../../crypto/digest.ts'
import { randomText } from '../../crypto/random.ts'
import { createOwnClient } from '../../flows/registration/own-clients.ts'
import { refuseFlood } from '../../http/flood.ts'
import { CLIENT_LABELS, NewClientPage } from '../../pages/portal/client-form-page.tsx'
import { NewSecretPage } from '../../pages/portal/secret-pages.tsx'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import type { OwnClients } from '../../stores/portal.ts'
import { readKeysNow, withOwnersLogo } from '../fetched.ts'
import { asSentence } from '../page.ts'
import { actOf, attempt, formHead } from './attempt.ts'
import { NOTHING_TYPED, readClientForm, type Typed, typedIn } from './client-form.ts'
import { clientDone } from './own-client.tsx'
import { type Notice, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const FORM = 'new_client'
type Shown = Readonly<{ typed: Typed; nonce: string; refused?: Notice }>

function show(visit: Visit<OwnClients>, { typed, nonce, refused = {} }: Shown) {
  const purpose = { form: FORM, id: nonce, version: 0 }
  return sendPortalPage(visit, refused, async (frame) => (
    <NewClientPage
      frame={frame}
      typed={typed}
      form={await formHead(visit, '/new-client', purpose, [['nonce', nonce]])}
    />
  ))
}

/** A form that is sent twice registers one client. A forged form must not name a deleted client that is still trusted. */
const idFor = ({ session }: Visit<unknown>, nonce: string) =>
  idFrom(JSON.stringify([FORM, session.token, nonce]))

/** The same form was sent twice, or again with other content: the client exists already. */
const isKnown = (cause: unknown) =>
  cause instanceof RegistrationError && cause.kind === 'conflict' && cause.field === 'client_id'

export const newClientPage = portalPage<OwnClients>({
  path: '/new-client',
  read: ({ reader, visitor }) => reader.list(visitor, 0, 0),
  isServed: ({ clientsPerUser }) => clientsPerUser > 0,
  get: (visit) => show(visit, { typed: NOTHING_TYPED, nonce: randomText() }),
  async post(visit, form) {
    const { issuer, settings } = visit.deps
    const typed = typedIn(form)
    const nonce = form.get('nonce') ?? ''
    const clientId = await idFor(visit, nonce)
    const owner = { ownedAtMost: settings.clientsPerUser, ownerName: visit.user.username }
    const attempted = await attempt(
      visit,
      form,
      { form: FORM, id: nonce, labels: CLIENT_LABELS, undone: 'registered' },
      async () => {
        const given = { clientId, ...readClientForm(typed, { asksForKind: true, issuer }) }
        // The registry sends a request to the host of the keys at once, so the number of attempts is limited.
        if (given.keys && 'jwksUri' in given.keys) await refuseFlood(visit.c, visit.deps.loginLimit)
        return createOwnClient(actOf(visit), given, owner).catch((cause: unknown) => {
          if (isKnown(cause)) return null
          throw cause
        })
      },
    )
    if (attempted.kind === 'refused') {
      return show(visit, { typed, nonce, refused: attempted })
    }
    const { done } = attempted
    if (done === null || !done.isNew) return visit.c.redirect(clientDone(clientId, 'known'), 303)
    const { notes } = await readKeysNow(await withOwnersLogo(done, visit), visit.deps)
    const notice = { done: 'The client is registered.', hasCopyScript: true }
    return sendPortalPage(visit, notice, (frame) => (
      <NewSecretPage
        frame={frame}
        title="Your new client"
        clientId={done.record.clientId}
        name={done.record.name}
        clientSecret={done.clientSecret}
        usesKeys={done.record.authMethod === 'private_key_jwt'}
        notes={notes.map(asSentence)}
      />
    ))
  },
})
