/** The form by which an approver decides: which requests, how, and why. */

import type { ClientRecord } from '../../domain/client.ts'
import { DECISION_REASON } from '../../protocol/registration/client-permission-change.ts'
import { requireValid } from '../../protocol/registration/field.ts'
import { invalid, requireAll } from './attempt.ts'
import { tickedIn } from './permission-view.ts'

/** As the page names the fields. */
export const LABELS = {
  decide: 'What it asks for',
  reason: 'Reason',
  listing_reason: 'Reason for not listing it',
}

const reasonIn = (form: URLSearchParams, field: string) =>
  (form.get(field) ?? '').replace(/\r\n?/g, '\n').trim()

/** Throws a RegistrationError where there is none. */
export function readReason(form: URLSearchParams, field: string): string {
  const reason = reasonIn(form, field)
  if (reason === '') throw invalid('say why, for the owners', field)
  return requireValid(DECISION_REASON.schema, reason, field) as string
}

/** `reason` is '' for an approval. Throws `FormErrors`. A form that was sent without a button decides nothing. */
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
