/**
 * What an approver sees of a client that asks for more: each request, what has changed, and why the approver may not decide.
 * Also the form with the approver's decision: which requests, the decision, and the reason.
 */

import { type ClientRecord, isInvolved, isOffered, isOwnedBy } from '../../domain/client.ts'
import { changedSinceApproval, type SeenField } from '../../domain/client-approval.ts'
import { hasRegistryScope } from '../../domain/registry-scopes.ts'
import { isScopeOf } from '../../domain/resource.ts'
import { describeScope } from '../../domain/scope-catalogue.ts'
import type { Change } from '../../pages/portal/approval-page.tsx'
import type { AskedFor } from '../../pages/portal/decisions.tsx'
import type { ShownPermission } from '../../pages/portal/permissions.tsx'
import { DECISION_REASON } from '../../protocol/registration/client-decisions.ts'
import { invalid } from '../../protocol/registration/errors.ts'
import { requireValid } from '../../protocol/registration/field.ts'
import type { Declared } from '../../stores/shown-client.ts'
import { capitalized } from '../page.ts'
import { requireAll } from './attempt.ts'
import { FIELD_WORDS } from './history-view.ts'
import { catalogueOf, tickedIn } from './permission-view.ts'

/** `ticked`: the ticked requests of the sent form; null if all requests are ticked. */
export function askedFor(
  declared: Declared,
  permissions: readonly ShownPermission[],
  ticked: readonly string[] | null,
): AskedFor[] {
  const catalogue = catalogueOf(declared)
  return permissions.map((permission) => {
    const { kind, value } = permission
    const isScope = kind === 'scope'
    return {
      permission,
      isSensitive: isScope && describeScope(value, catalogue).isSensitive,
      resources: isScope
        ? declared.resources.filter((one) => isScopeOf(one, value)).map(({ name }) => name)
        : [],
      isChecked: ticked === null || ticked.includes(`${kind} ${value}`),
    }
  })
}

/** The values that only one of the two has. Ids of owners and keys are left out: they mean nothing to a person. */
export function changesOf(client: ClientRecord): readonly Change[] | null {
  const fields = changedSinceApproval(client)
  const seen = client.approval?.seen
  if (fields === null || seen === undefined) return null
  const isShown = (field: SeenField) => !['jwks', 'ownerId', 'furtherOwners'].includes(field)
  const valuesOf = (value: unknown) =>
    (Array.isArray(value) ? value : [value]).map(String).filter((text) => text !== '')
  return fields.map((field) => {
    const [before, now] = [valuesOf(seen[field]), valuesOf(client[field])]
    return {
      field: capitalized(FIELD_WORDS[field]),
      before: isShown(field) ? before.filter((one) => !now.includes(one)) : [],
      now: isShown(field) ? now.filter((one) => !before.includes(one)) : [],
    }
  })
}

const OWN = 'You own this client, so another person decides.'
const OFFERED =
  'This client was offered to you, so another person decides. Under Your clients you can decline.'
const WAS_OWN = 'You have owned this client, so another person decides.'
const PRIVILEGED =
  'It has or asks for a permission of this registry itself, so only an administrator decides, at the command line.'

/** Null if the visitor may decide. */
export function whyNot(client: ClientRecord, userId: string): string | null {
  if (isOwnedBy(client, userId)) return OWN
  if (isOffered(client, userId)) return OFFERED
  if (isInvolved(client, userId)) return WAS_OWN
  return hasRegistryScope(client.permissions.map(({ value }) => value)) ? PRIVILEGED : null
}

const reasonIn = (form: URLSearchParams, field: string) =>
  (form.get(field) ?? '').replace(/\r\n?/g, '\n').trim()

/** Throws a RegistrationError if there is no reason. */
export function readReason(form: URLSearchParams, field: string): string {
  const reason = reasonIn(form, field)
  if (reason === '') throw invalid('say why, for the owners', field)
  return requireValid(DECISION_REASON.schema, reason, field) as string
}

/** `reason` is '' for an approval. Throws `FormErrors`. A form that was sent without a button makes no decision. */
export function readDecision(form: URLSearchParams, { permissions }: ClientRecord) {
  const how = form.get('act')
  if (how !== 'approve' && how !== 'decline') throw invalid('choose to approve or to decline')
  const requests = permissions.filter(({ authorizedAt }) => authorizedAt === null)
  const lists = tickedIn(requests, form.getAll('decide'))
  requireAll([
    () => {
      const isNothing = Object.values(lists).every((list) => list.length === 0)
      if (isNothing) throw invalid('choose at least one', 'decide')
    },
    () => how === 'decline' && readReason(form, 'reason'),
  ])
  return { how, lists, reason: how === 'approve' ? '' : reasonIn(form, 'reason') }
}
