/**
 * `/approvals`: the clients that wait for a decision, and those that wait for the directory. The oldest request comes first.
 */

import { isApprover } from '../../domain/registry-scopes.ts'
import type { HttpContext } from '../../http/request-context.ts'
import { ApprovalsPage, NotApproverPage } from '../../pages/portal/approvals-page.tsx'
import { shownSentence } from '../../pages/portal/permissions.tsx'
import type { Queue, QueuePlaces } from '../../stores/approvals.ts'
import { FIRST_PLACE, isPlace, placeOf } from '../../stores/waiting-clients.ts'
import { nameOf } from './clients.tsx'
import { doneIn } from './done.ts'
import { catalogueOf, sentenceOf } from './permission-view.ts'
import { portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

type ApproverPage<Found> = Parameters<typeof portalPage<Found>>[0]

const refuse = (visit: Visit<unknown>) =>
  sendPortalPage(visit, { status: 403 }, (frame) => <NotApproverPage frame={frame} />)

/** Calls `show` for an approver. Anybody else is told that they are not an approver, whether the client exists or not. */
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

const ROWS = 50

/** A page begins after a place in one of the two lists. The first page has both. Any other text means the beginning. */
const PLACES = { waiting: 'after', listings: 'listings_after' } as const

function placesIn(c: HttpContext): QueuePlaces {
  const placeOfPage = (name: string) => {
    const text = c.req.query(name)
    return text !== undefined && isPlace(text) ? text : null
  }
  const waiting = placeOfPage(PLACES.waiting)
  const listings = waiting === null ? placeOfPage(PLACES.listings) : null
  const isFirst = waiting === null && listings === null
  return isFirst ? { waiting: FIRST_PLACE, listings: FIRST_PLACE } : { waiting, listings }
}

function partOf({ waiting, listings }: QueuePlaces) {
  if (listings === null) return 'waiting'
  return waiting === null ? 'listings' : 'first'
}

/** A page of a list that was read with one more row, which tells whether another page follows. */
function pageOf<Row extends Readonly<{ requestedAt: number; clientId: string }>>(
  rows: readonly Row[],
  name: string,
) {
  const last = rows.length > ROWS ? rows[ROWS - 1] : undefined
  const place = last && placeOf(last.requestedAt, last.clientId)
  const next = place === undefined ? null : `/approvals?${new URLSearchParams({ [name]: place })}`
  return { rows: rows.slice(0, ROWS), next }
}

export const approvalsPage = approverPage<Queue>({
  path: '/approvals',
  read: ({ approvals, visitor, c }) => approvals.queue(visitor, ROWS + 1, placesIn(c)),
  get(visit) {
    const { c, deps, found, user } = visit
    const catalogue = catalogueOf(found)
    const waiting = pageOf(found.waiting, PLACES.waiting)
    const listings = pageOf(deps.settings.hasDirectory ? found.listings : [], PLACES.listings)
    return sendPortalPage(visit, { done: doneIn(c.req.query('done')) }, (frame) => (
      <ApprovalsPage
        frame={frame}
        waiting={waiting.rows.map(({ owner, selfRegistered, requests, first, ...client }) => ({
          ...client,
          selfRegistered: selfRegistered && { kind: selfRegistered },
          owner: owner === null ? '' : nameOf(owner, user),
          sentences: first.map((one) =>
            shownSentence({ kind: one.kind, sentence: sentenceOf(one, catalogue) }),
          ),
          more: requests - first.length,
        }))}
        listings={listings.rows.map(({ owner, ...client }) => ({
          ...client,
          owner: owner === null ? '' : nameOf(owner, user),
        }))}
        part={partOf(placesIn(c))}
        next={waiting.next}
        nextListings={listings.next}
      />
    ))
  },
})
