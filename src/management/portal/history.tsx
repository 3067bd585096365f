/** `/clients/{id}/history`: what owners, approvers and operators did to a client. */

import { HistoryPage } from '../../pages/portal/history.tsx'
import type { HistoryEntry } from '../../stores/client-history.ts'
import type { OwnClient } from '../../stores/shown-client.ts'
import { pageIn } from './clients.tsx'
import { ownersEntry } from './history-view.ts'
import { sharedProps } from './own-client.tsx'
import { portalPage, sendPortalPage } from './portal-page.tsx'

const ROWS = 50

export const historyPage = portalPage<OwnClient & Readonly<{ history: readonly HistoryEntry[] }>>({
  path: '/clients/:client_id/history',
  read: ({ reader, visitor, c }) => {
    const slice = { rows: ROWS + 1, skipped: (pageIn(c.req.query('page')) - 1) * ROWS }
    return reader.clientAndHistory(visitor, c.req.param('client_id') ?? '', slice)
  },
  async get(visit) {
    const { client, history } = visit.found
    const page = (
      <HistoryPage
        {...(await sharedProps(visit))}
        entries={history.slice(0, ROWS).map(ownersEntry(visit.user, client.clientId))}
        page={pageIn(visit.c.req.query('page'))}
        hasMore={history.length > ROWS}
      />
    )
    return sendPortalPage(visit, page)
  },
})
