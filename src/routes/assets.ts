/** `/style.css` and `/icon.svg`: the files that pages load, besides a logo that the operator keeps elsewhere. */

import type { Branding } from '../domain/branding.ts'
import { ICON_PATH, iconOf } from '../pages/layout.tsx'
import { stylesheet } from '../pages/stylesheet.ts'
import type { Endpoint } from './endpoint.ts'

/** The policy if somebody opens the operator's SVG as a document: it runs no script and loads nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

const asset = (path: string, type: string, bodyOf: (branding: Branding) => string): Endpoint => ({
  path,
  isRoutine: true,
  get: async (c, { branding }) =>
    c.body(bodyOf(branding), 200, {
      'Content-Type': type,
      'Content-Security-Policy': POLICY,
      'Cache-Control': 'public, max-age=300',
    }),
})

export const styleEndpoint = asset('/style.css', 'text/css; charset=utf-8', ({ accent }) =>
  stylesheet(accent),
)
export const iconEndpoint = asset(ICON_PATH, 'image/svg+xml', iconOf)
