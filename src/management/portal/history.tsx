/** `/clients/{id}/history`: what owners, approvers and operators did to a client. */

import { HistoryPage } from '../../pages/portal/history.tsx'
import type { HistoryEntry } from '../../stores/client-history.ts'
import type { OwnClient } from '../../stores/shown-client.ts'
import { pageIn } from './clients.tsx'
import { ownersEntry } from './history-view.ts'
import { ownClientPage } from './own-client.tsx'

const ROWS = 50

export const historyPage = ownClientPage<
  OwnClient & Readonly<{ history: readonly HistoryEntry[] }>
>({
  page: 'history',
  read: ({ reader, visitor, c }) => {
    const slice = { rows: ROWS + 1, skipped: (pageIn(c.req.query('page')) - 1) * ROWS }
    return reader.clientAndHistory(visitor, c.req.param('client_id') ?? '', slice)
  },
  show: async ({ c, found: { history }, user }, { shared }) => (
    <HistoryPage
      {...shared}
      entries={history.slice(0, ROWS).map(ownersEntry(user, shared.clientId))}
      page={pageIn(c.req.query('page'))}
      hasMore={history.length > ROWS}
    />
  ),
})
