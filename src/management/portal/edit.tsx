/** `/clients/{id}/edit` */

import { editOwnClient } from '../../flows/registration/own-clients.ts'
import { EditClientPage } from '../../pages/portal/client-form-page.tsx'
import { clientPath } from '../../pages/portal/frame.tsx'
import type { OwnClient } from '../../stores/portal.ts'
import { withOwnersLogo } from '../fetched.ts'
import { actOf, attempt, clientFormFields, type Refused } from './attempt.ts'
import { LABELS, NOTHING_TYPED, readClientForm, type Typed, typedIn } from './client-form.ts'
import { isInDirectory } from './clients.tsx'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const FORM = 'edit'

async function show(visit: Visit<OwnClient>, typed: Typed, refused?: Refused) {
  const { client } = visit.found
  const { clientId, name } = client
  const page = (
    <EditClientPage
      frame={await frameOf(visit, { problem: refused?.problem ?? null })}
      clientId={clientId}
      name={name}
      isListed={isInDirectory(visit.deps, client)}
      typed={typed}
      labels={LABELS}
      hidden={await clientFormFields(visit, FORM, client)}
    />
  )
  return sendPortalPage(visit, page, refused ?? {})
}

export const editPage = portalPage<OwnClient>({
  path: '/clients/:client_id/edit',
  read: ({ reader, visitor, c }) => reader.client(visitor, c.req.param('client_id') ?? ''),
  get(visit) {
    const { name, url, description, logoUri, redirectUris } = visit.found.client
    return show(visit, {
      ...NOTHING_TYPED,
      name,
      url,
      description,
      logo_uri: logoUri,
      redirect_uris: redirectUris.join('\n'),
    })
  },
  async post(visit, form) {
    const { clientId } = visit.found.client
    const typed = typedIn(form)
    const asked = { form: FORM, id: clientId, labels: LABELS }
    const attempted = await attempt(visit, form, asked, async (version) => {
      const given = readClientForm(typed, { asksForKind: false, issuer: visit.deps.issuer })
      const edited = await editOwnClient(actOf(visit), clientId, given, version)
      return given.fields.logoUri === visit.found.client.logoUri
        ? edited
        : withOwnersLogo(edited, visit)
    })
    if (attempted.kind === 'refused') return show(visit, typed, attempted)
    return visit.c.redirect(`${clientPath(clientId)}?done=saved`, 303)
  },
})
