/** What the worker serves without a token, outside the API's path. */

import { invitationPage } from './invitation.tsx'
import { logoPage } from './logos.ts'
import type { Page } from './page.ts'
import { PUBLISHED } from './published.tsx'
import { registrationEndpoints } from './register.ts'

export const PAGES: readonly Page[] = [
  invitationPage,
  logoPage,
  ...PUBLISHED,
  ...registrationEndpoints,
]
