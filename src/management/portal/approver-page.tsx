/** A page of the portal for approvers. Anybody else reads that they are no approver, whether there is such a client or not. */

import { isApprover } from '../../domain/registry-scopes.ts'
import { NotApproverPage } from '../../pages/portal/approvals-page.tsx'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

type ApproverPage<Found> = Parameters<typeof portalPage<Found>>[0]

async function refuse(visit: Visit<unknown>) {
  return sendPortalPage(visit, <NotApproverPage frame={await frameOf(visit, {})} />, {
    status: 403,
  })
}

/** `show` for an approver. */
export const onlyApprovers =
  <Found,>(show: (visit: Visit<Found>) => Response | Promise<Response>) =>
  (visit: Visit<Found>) =>
    isApprover(visit.user.scopes) ? show(visit) : refuse(visit)

export const approverPage = <Found,>({ get, post, ...page }: ApproverPage<Found>) =>
  portalPage<Found>({
    ...page,
    get: onlyApprovers(get),
    ...(post && {
      post: (visit, form) => onlyApprovers<Found>((admitted) => post(admitted, form))(visit),
    }),
  })
