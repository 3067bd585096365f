/** `/clients/{id}/permissions`: what owners ask for and take back. */

import type { PermissionLists } from '../../domain/client.ts'
import { requestForOwnClient, takeBackFromOwnClient } from '../../flows/registration/own-clients.ts'
import { clientPath } from '../../pages/portal/frame.tsx'
import { PermissionsPage } from '../../pages/portal/permissions-page.tsx'
import { CLIENT_PERMISSIONS } from '../../protocol/registration/client-fields.ts'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import { requireValid, type Schema } from '../../protocol/registration/field.ts'
import type { Declared, OwnClient } from '../../stores/portal.ts'
import { actOf, attempt, clientFormFields, FormErrors, type Refused } from './attempt.ts'
import {
  askableGrantTypes,
  askableScopes,
  catalogueOf,
  shownPermissions,
} from './permission-view.ts'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const LABELS = {
  other_scopes: 'Scopes with an id',
  grant_types: 'Ways to get tokens',
  endorsements: 'Endorsements',
  take: 'What it no longer needs',
}

type Found = OwnClient & Declared

async function show(visit: Visit<Found>, form: URLSearchParams, refused?: Refused) {
  const { found } = visit
  const { client } = found
  const { clientId, name } = client
  const hiddenOf = (form: string) => clientFormFields(visit, form, client)
  const page = (
    <PermissionsPage
      frame={await frameOf(visit, { problem: refused?.problem ?? null })}
      clientId={clientId}
      name={name}
      permissions={shownPermissions(client, catalogueOf(found))}
      groups={askableScopes(client, found, form.getAll('scopes'))}
      grantTypes={askableGrantTypes(client, form.getAll('grant_types'))}
      typed={{
        otherScopes: form.get('other_scopes') ?? '',
        endorsements: form.get('endorsements') ?? '',
      }}
      hidden={{ ask: await hiddenOf('ask'), takeBack: await hiddenOf('take_back') }}
    />
  )
  return sendPortalPage(visit, page, refused ?? {})
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
function takenIn(form: URLSearchParams, { client }: Found): PermissionLists {
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

export const permissionsPage = portalPage<Found>({
  path: '/clients/:client_id/permissions',
  read: ({ reader, visitor, c }) =>
    reader.clientAndDeclared(visitor, c.req.param('client_id') ?? ''),
  get: (visit) => show(visit, new URLSearchParams()),
  async post(visit, form) {
    const { clientId } = visit.found.client
    const isTakenBack = form.get('act') === 'take_back'
    const asked = {
      form: isTakenBack ? 'take_back' : 'ask',
      id: clientId,
      labels: LABELS,
      // A scope with a box is declared: what is refused was typed.
      aliases: { scopes: 'other_scopes' },
    }
    const attempted = await attempt(visit, form, asked, async (version) =>
      isTakenBack
        ? takeBackFromOwnClient(actOf(visit), clientId, takenIn(form, visit.found), version)
        : requestForOwnClient(actOf(visit), clientId, askedIn(form), version),
    )
    if (attempted.kind === 'refused') return show(visit, form, attempted)
    const done = isTakenBack ? 'taken_back' : 'asked'
    return visit.c.redirect(`${clientPath(clientId)}?done=${done}`, 303)
  },
})
