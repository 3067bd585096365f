/** What the worker serves without a token, outside the API's path. */

import { directoryPage } from './directory.tsx'
import { errorCodePage, errorIndexPage } from './error-codes.tsx'
import { invitationPage } from './invitation.tsx'
import { logoPage } from './logos.ts'
import type { Page } from './page.ts'
import { PORTAL_PAGES } from './portal/portal-pages.ts'
import { PUBLISHED } from './published.tsx'
import { registrationEndpoints } from './register.ts'

export const PAGES: readonly Page[] = [
  errorIndexPage,
  errorCodePage,
  invitationPage,
  logoPage,
  directoryPage,
  ...PORTAL_PAGES,
  ...PUBLISHED,
  ...registrationEndpoints,
]
