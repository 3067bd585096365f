/** `/clients/{id}/permissions`: where owners request permissions and take them back. */

import type { PermissionLists } from '../../domain/client.ts'
import { requestForOwnClient, takeBackFromOwnClient } from '../../flows/registration/own-clients.ts'
import { PERMISSION_LABELS, PermissionsPage } from '../../pages/portal/permissions-page.tsx'
import { CLIENT_PERMISSIONS } from '../../protocol/registration/client-fields.ts'
import { invalid } from '../../protocol/registration/errors.ts'
import { requireValid } from '../../protocol/registration/field.ts'
import { requireAll } from './attempt.ts'
import { ownClientPage, readClientAndDeclared } from './own-client.tsx'
import {
  askableGrantTypes,
  askableScopes,
  catalogueOf,
  shownPermissions,
  tickedIn,
} from './permission-view.ts'

const wordsIn = (form: URLSearchParams, name: string) =>
  (form.get(name) ?? '').split(/\s+/).filter(Boolean)

function requireAny(
  lists: PermissionLists,
  field: keyof typeof PERMISSION_LABELS,
): PermissionLists {
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

export const permissionsPage = ownClientPage({
  page: 'permissions',
  read: readClientAndDeclared,
  async show({ found }, { shared, posted, headOf }) {
    const { client } = found
    const form = posted ?? new URLSearchParams()
    return (
      <PermissionsPage
        {...shared}
        permissions={shownPermissions(client, catalogueOf(found))}
        groups={askableScopes(client, found, form.getAll('scopes'))}
        grantTypes={askableGrantTypes(client, form.getAll('grant_types'))}
        typed={{
          other_scopes: form.get('other_scopes') ?? '',
          endorsements: form.get('endorsements') ?? '',
        }}
        forms={{ ask: await headOf('ask'), takeBack: await headOf('take_back') }}
      />
    )
  },
  // A scope with a box is declared, so a refused scope was typed.
  words: { labels: PERMISSION_LABELS, aliases: { scopes: 'other_scopes' } },
  forms: {
    ask: {
      perform: ({ act, clientId, posted, version }) =>
        requestForOwnClient(act, clientId, askedIn(posted), version),
      done: 'asked',
    },
    take_back: {
      perform({ visit, act, clientId, posted, version }) {
        const ticked = tickedIn(visit.found.client.permissions, posted.getAll('take'))
        return takeBackFromOwnClient(act, clientId, requireAny(ticked, 'take'), version)
      },
      done: 'taken_back',
    },
  },
})
