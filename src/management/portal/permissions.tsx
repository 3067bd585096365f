/** `/clients/{id}/permissions`: what owners ask for and take back. */

import type { PermissionLists } from '../../domain/client.ts'
import { requestForOwnClient, takeBackFromOwnClient } from '../../flows/registration/own-clients.ts'
import { PermissionsPage } from '../../pages/portal/permissions-page.tsx'
import { CLIENT_PERMISSIONS } from '../../protocol/registration/client-fields.ts'
import { requireValid } from '../../protocol/registration/field.ts'
import { actOf, invalid, requireAll } from './attempt.ts'
import { clientDone, ownClientPage, readClientAndDeclared } from './own-client.tsx'
import {
  askableGrantTypes,
  askableScopes,
  catalogueOf,
  shownPermissions,
  tickedIn,
} from './permission-view.ts'

const LABELS = {
  other_scopes: 'Scopes with an id',
  grant_types: 'Ways to get tokens',
  endorsements: 'Endorsements',
  take: 'What it no longer needs',
}

const wordsIn = (form: URLSearchParams, name: string) =>
  (form.get(name) ?? '').split(/\s+/).filter(Boolean)

function requireAny(lists: PermissionLists, field: keyof typeof LABELS): PermissionLists {
  if (Object.values(lists).some((list) => list.length > 0)) return lists
  throw invalid('choose at least one', field)
}

/** Throws `FormErrors`. */
function askedIn(form: URLSearchParams): PermissionLists {
  const ticked = form.getAll('scopes')
  const others = wordsIn(form, 'other_scopes')
  const grantTypes = form.getAll('grant_types')
  const endorsements = wordsIn(form, 'endorsements')
  const { schema } = CLIENT_PERMISSIONS.scopes
  requireAll([
    () => requireValid(schema, ticked, 'other_scopes'),
    () => requireValid(schema, others, 'other_scopes'),
    () => requireValid(CLIENT_PERMISSIONS.grantTypes.schema, grantTypes, 'grant_types'),
    () => requireValid(CLIENT_PERMISSIONS.endorsements.schema, endorsements, 'endorsements'),
  ])
  const lists = { scopes: [...ticked, ...others], grantTypes, endorsements }
  return requireAny(lists, 'other_scopes')
}

const ASK = 'ask'
const TAKE_BACK = 'take_back'

export const permissionsPage = ownClientPage({
  page: 'permissions',
  read: readClientAndDeclared,
  async show({ found }, { shared, posted, hiddenOf }) {
    const { client } = found
    const form = posted ?? new URLSearchParams()
    return (
      <PermissionsPage
        {...shared}
        permissions={shownPermissions(client, catalogueOf(found))}
        groups={askableScopes(client, found, form.getAll('scopes'))}
        grantTypes={askableGrantTypes(client, form.getAll('grant_types'))}
        typed={{
          otherScopes: form.get('other_scopes') ?? '',
          endorsements: form.get('endorsements') ?? '',
        }}
        hidden={{ ask: await hiddenOf(ASK), takeBack: await hiddenOf(TAKE_BACK) }}
      />
    )
  },
  formIn(visit, posted) {
    const { client } = visit.found
    const { clientId } = client
    const isTakenBack = posted.get('act') === TAKE_BACK
    return {
      name: isTakenBack ? TAKE_BACK : ASK,
      labels: LABELS,
      // A scope with a box is declared: what is refused was typed.
      aliases: { scopes: 'other_scopes' },
      async act(version) {
        if (isTakenBack) {
          const taken = requireAny(tickedIn(client.permissions, posted.getAll('take')), 'take')
          await takeBackFromOwnClient(actOf(visit), clientId, taken, version)
        } else await requestForOwnClient(actOf(visit), clientId, askedIn(posted), version)
        return clientDone(clientId, isTakenBack ? 'taken_back' : 'asked')
      },
    }
  },
})
