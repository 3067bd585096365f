/** The pages for signed-in users, and their stylesheet. */

import { PORTAL_STYLE_PATH } from '../../pages/portal/frame.tsx'
import type { Page } from '../page.ts'
import { published } from '../published.tsx'
import { PORTAL_STYLE } from '../styles.ts'
import { approvalPage } from './approval.tsx'
import { approvalsPage } from './approvals.tsx'
import { checkPage } from './check.tsx'
import { clientListPage, clientPage } from './clients.tsx'
import { confirmPages } from './confirm.tsx'
import { editPage } from './edit.tsx'
import { historyPage } from './history.tsx'
import { keysPage } from './keys.tsx'
import { listingPage } from './listing.tsx'
import { newClientPage } from './new-client.tsx'
import { ownersPage } from './owners.tsx'
import { permissionsPage } from './permissions.tsx'
import { secretsPage } from './secrets.tsx'

export const PORTAL_PAGES: readonly Page[] = [
  clientListPage,
  newClientPage,
  clientPage,
  editPage,
  secretsPage,
  keysPage,
  permissionsPage,
  ownersPage,
  checkPage,
  historyPage,
  listingPage,
  ...confirmPages,
  approvalsPage,
  approvalPage,
  published(PORTAL_STYLE_PATH, 'text/css; charset=utf-8', () => PORTAL_STYLE),
]
