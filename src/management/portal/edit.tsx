/** `/clients/{id}/edit` */

import { editOwnClient } from '../../flows/registration/own-clients.ts'
import { EditClientPage } from '../../pages/portal/client-form-page.tsx'
import { withOwnersLogo } from '../fetched.ts'
import { actOf } from './attempt.ts'
import { LABELS, readClientForm, typedIn, typedOf } from './client-form.ts'
import { isInDirectory } from './clients.tsx'
import { clientDone, ownClientPage, readClient } from './own-client.tsx'

const FORM = 'edit'

export const editPage = ownClientPage({
  page: 'edit',
  read: readClient,
  async show({ deps, found: { client } }, { shared, posted, hiddenOf }) {
    return (
      <EditClientPage
        {...shared}
        isListed={isInDirectory(deps, client)}
        typed={posted === null ? typedOf(client) : typedIn(posted)}
        labels={LABELS}
        hidden={await hiddenOf(FORM)}
      />
    )
  },
  formIn: (visit, posted) => ({
    name: FORM,
    labels: LABELS,
    async act(version) {
      const { clientId, logoUri } = visit.found.client
      const { issuer } = visit.deps
      const given = readClientForm(typedIn(posted), { asksForKind: false, issuer })
      const edited = await editOwnClient(actOf(visit), clientId, given, version)
      if (given.fields.logoUri !== logoUri) await withOwnersLogo(edited, visit)
      return clientDone(clientId, 'saved')
    },
  }),
})
