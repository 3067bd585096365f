/** `/approvals`: the clients that wait for a decision, the one with the oldest request first. */

import { ApprovalsPage } from '../../pages/portal/approvals-page.tsx'
import { quoted } from '../../pages/portal/permissions.tsx'
import type { Queue } from '../../stores/approvals.ts'
import { FIRST_PLACE, isPlace, placeOf } from '../../stores/waiting-clients.ts'
import { approverPage } from './approver-page.tsx'
import { nameOf } from './clients.tsx'
import { doneIn } from './done.ts'
import { catalogueOf, sentenceOf } from './permission-view.ts'
import { frameOf, sendPortalPage } from './portal-page.tsx'

const ROWS = 50

/** Any other text is the beginning. */
const placeIn = (text = FIRST_PLACE) => (isPlace(text) ? text : FIRST_PLACE)

export const approvalsPage = approverPage<Queue>({
  path: '/approvals',
  // One more than the page shows says whether another page follows.
  read: ({ approvals, visitor, c }) =>
    approvals.queue(visitor, ROWS + 1, placeIn(c.req.query('after'))),
  async get(visit) {
    const { c, deps, found, user } = visit
    const catalogue = catalogueOf(found)
    const waiting = found.waiting.slice(0, ROWS)
    const last = found.waiting.length > ROWS ? waiting.at(-1) : undefined
    const page = (
      <ApprovalsPage
        frame={await frameOf(visit, { done: doneIn(c.req.query('done')) })}
        waiting={waiting.map(({ owner, selfRegistered, requests, first, ...client }) => ({
          ...client,
          selfRegistered: selfRegistered && { kind: selfRegistered },
          owner: owner === null ? '' : nameOf(owner, user),
          sentences: first.map((one) =>
            quoted({ kind: one.kind, sentence: sentenceOf(one, catalogue) }),
          ),
          more: requests - first.length,
        }))}
        listings={
          deps.settings.hasDirectory
            ? found.listings.slice(0, ROWS).map(({ owner, ...client }) => ({
                ...client,
                owner: owner === null ? '' : nameOf(owner, user),
              }))
            : []
        }
        isFirst={placeIn(c.req.query('after')) === FIRST_PLACE}
        next={
          last
            ? `/approvals?after=${encodeURIComponent(placeOf(last.requestedAt, last.clientId))}`
            : null
        }
      />
    )
    return sendPortalPage(visit, page)
  },
})
