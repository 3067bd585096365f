/** `/logos/…`: the images of clients, which pages show from our own origin. */

import { LOGOS_PATH } from '../domain/shown-client.ts'
import { Problem } from '../protocol/problem.ts'
import type { Page } from './page.ts'
import { sendProblem } from './problems.ts'
import { requireGet } from './published.tsx'

const HEADERS = {
  // A stranger chose the bytes: opened as a document, they may do nothing. In our pages the image still shows.
  'Content-Security-Policy': "default-src 'none'; sandbox",
  'Content-Disposition': 'attachment',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // The path has the digest of the content.
  'Cache-Control': 'public, max-age=86400, immutable',
}

export const logoPage: Page = {
  path: `${LOGOS_PATH}/:digest`,
  sendError: sendProblem,
  isRoutine: true,
  async respond(c, { logos }) {
    requireGet(c)
    const logo = await logos.find(c.req.param('digest') ?? '')
    if (!logo) throw new Problem('no_such_path', 'There is no image at this path.')
    return c.body(logo.bytes, 200, { 'Content-Type': logo.mediaType, ...HEADERS })
  },
}
