/** `/style.css` and `/icon.svg`: the only things that our pages load. */

import { sendErrorJson } from '../http/error-json.ts'
import { ICON } from '../pages/layout.tsx'
import { STYLESHEET } from '../pages/stylesheet.ts'
import type { Endpoint } from './endpoint.ts'

const asset = (path: string, type: string, body: string): Endpoint => ({
  path,
  sendError: sendErrorJson,
  isRoutine: true,
  get: async (c) =>
    c.body(body, 200, { 'Content-Type': type, 'Cache-Control': 'public, max-age=300' }),
})

export const styleEndpoint = asset('/style.css', 'text/css; charset=utf-8', STYLESHEET)
export const iconEndpoint = asset('/icon.svg', 'image/svg+xml', ICON)
