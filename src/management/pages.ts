/** What the worker serves without a token, outside the API's path. */

import { invitationPage } from './invitation.tsx'
import type { Page } from './page.ts'

export const PAGES: readonly Page[] = [invitationPage]
