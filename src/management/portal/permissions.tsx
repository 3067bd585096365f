/** `/clients/{id}/permissions`: what owners ask for and take back. */

import type { ClientRecord, PermissionLists } from '../../domain/client.ts'
import { requestForOwnClient, takeBackFromOwnClient } from '../../flows/registration/own-clients.ts'
import { PermissionsPage } from '../../pages/portal/permissions-page.tsx'
import { CLIENT_PERMISSIONS } from '../../protocol/registration/client-fields.ts'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import { requireValid, type Schema } from '../../protocol/registration/field.ts'
import { actOf, FormErrors } from './attempt.ts'
import { clientDone, ownClientPage, readClientAndDeclared } from './own-client.tsx'
import {
  askableGrantTypes,
  askableScopes,
  catalogueOf,
  shownPermissions,
} from './permission-view.ts'

const LABELS = {
  other_scopes: 'Scopes with an id',
  grant_types: 'Ways to get tokens',
  endorsements: 'Endorsements',
  take: 'What it no longer needs',
}

const wordsIn = (form: URLSearchParams, name: string) =>
  (form.get(name) ?? '').split(/\s+/).filter(Boolean)

/** Throws `FormErrors`. */
function askedIn(form: URLSearchParams): PermissionLists {
  const errors: RegistrationError[] = []
  const checked = (name: keyof typeof LABELS, schema: Schema, values: readonly string[]) => {
    try {
      return requireValid(schema, values, name) as string[]
    } catch (cause) {
      if (!(cause instanceof RegistrationError)) throw cause
      errors.push(cause)
      return []
    }
  }
  const { scopes, grantTypes, endorsements } = CLIENT_PERMISSIONS
  const ticked = checked('other_scopes', scopes.schema, form.getAll('scopes'))
  const others = checked('other_scopes', scopes.schema, wordsIn(form, 'other_scopes'))
  const lists = {
    scopes: [...ticked, ...others],
    grantTypes: checked('grant_types', grantTypes.schema, form.getAll('grant_types')),
    endorsements: checked('endorsements', endorsements.schema, wordsIn(form, 'endorsements')),
  }
  if (errors.length > 0) throw new FormErrors(errors)
  if (Object.values(lists).some((list) => list.length > 0)) return lists
  throw new RegistrationError('invalid', 'choose at least one', 'other_scopes')
}

/** What the form names that the client does not have changes nothing. */
function takenIn(form: URLSearchParams, client: ClientRecord): PermissionLists {
  const taken = form.getAll('take')
  const listOf = (wanted: string) =>
    client.permissions
      .filter(({ kind, value }) => kind === wanted && taken.includes(`${kind} ${value}`))
      .map(({ value }) => value)
  const lists = {
    scopes: listOf('scope'),
    grantTypes: listOf('grant_type'),
    endorsements: listOf('endorsement'),
  }
  if (Object.values(lists).some((list) => list.length > 0)) return lists
  throw new RegistrationError('invalid', 'choose at least one', 'take')
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
          await takeBackFromOwnClient(actOf(visit), clientId, takenIn(posted, client), version)
        } else await requestForOwnClient(actOf(visit), clientId, askedIn(posted), version)
        return clientDone(clientId, isTakenBack ? 'taken_back' : 'asked')
      },
    }
  },
})
