/** The form by which an approver decides: which requests, how, and why. */

import type { ClientRecord, PermissionLists } from '../../domain/client.ts'
import { DECISION_REASON } from '../../protocol/registration/client-permission-change.ts'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import { requireValid } from '../../protocol/registration/field.ts'
import { FormErrors } from './attempt.ts'

/** As the page names the fields. */
export const LABELS = {
  decide: 'What it asks for',
  reason: 'Reason',
  listing_reason: 'Reason for not listing it',
}

export type Decided = Readonly<{
  how: 'approve' | 'decline'
  lists: PermissionLists
  /** '' for an approval. */
  reason: string
}>

/** Those of the client's requests that are ticked. */
function listsIn(form: URLSearchParams, { permissions }: ClientRecord): PermissionLists {
  const ticked = form.getAll('decide')
  const listOf = (wanted: string) =>
    permissions
      .filter(({ authorizedAt }) => authorizedAt === null)
      .filter(({ kind, value }) => kind === wanted && ticked.includes(`${kind} ${value}`))
      .map(({ value }) => value)
  return {
    scopes: listOf('scope'),
    grantTypes: listOf('grant_type'),
    endorsements: listOf('endorsement'),
  }
}

const invalid = (sentence: string, field: string | null = null) =>
  new RegistrationError('invalid', sentence, field)

const reasonIn = (form: URLSearchParams, field: string) =>
  (form.get(field) ?? '').replace(/\r\n?/g, '\n').trim()

const noReason = (field: string) => invalid('say why, for the owners', field)

/** Throws a RegistrationError where there is none. */
export function readReason(form: URLSearchParams, field: string): string {
  const reason = reasonIn(form, field)
  if (reason === '') throw noReason(field)
  return requireValid(DECISION_REASON.schema, reason, field) as string
}

/** Throws `FormErrors`. A form that was sent without a button decides nothing. */
export function readDecision(form: URLSearchParams, client: ClientRecord): Decided {
  const how = form.get('act')
  if (how !== 'approve' && how !== 'decline') throw invalid('choose to approve or to decline')
  const lists = listsIn(form, client)
  const reason = how === 'approve' ? '' : reasonIn(form, 'reason')
  const isNothing = Object.values(lists).every((list) => list.length === 0)
  const errors = [
    ...(isNothing ? [invalid('choose at least one', 'decide')] : []),
    ...(how === 'decline' && reason === '' ? [noReason('reason')] : []),
  ]
  if (errors.length > 0) throw new FormErrors(errors)
  requireValid(DECISION_REASON.schema, reason, 'reason')
  return { how, lists, reason }
}
