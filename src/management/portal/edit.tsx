/** `/clients/{id}/edit`: changes what a client says of itself. */

import { editOwnClient } from '../../flows/registration/own-clients.ts'
import { CLIENT_LABELS, EditClientPage } from '../../pages/portal/client-form-page.tsx'
import { withOwnersLogo } from '../fetched.ts'
import { readClientForm, typedIn, typedOf } from './client-form.ts'
import { isInDirectory } from './clients.tsx'
import { ownClientPage, readClient } from './own-client.tsx'

export const editPage = ownClientPage({
  page: 'edit',
  read: readClient,
  async show({ deps, found: { client } }, { shared, posted, headOf }) {
    return (
      <EditClientPage
        {...shared}
        isListed={isInDirectory(deps, client)}
        typed={posted === null ? typedOf(client) : typedIn(posted)}
        form={await headOf('edit')}
      />
    )
  },
  words: { labels: CLIENT_LABELS },
  forms: {
    edit: {
      async perform({ visit, posted, act, clientId, version }) {
        const { issuer } = visit.deps
        const given = readClientForm(typedIn(posted), { asksForKind: false, issuer })
        const edited = await editOwnClient(act, clientId, given, version)
        const isOtherLogo = given.fields.logoUri !== visit.found.client.logoUri
        if (isOtherLogo) await withOwnersLogo(edited, visit)
      },
      done: 'saved',
    },
  },
})
