/** `/style.css` and `/icon.svg`: the only things that our pages load. */

import { sendRefusal } from '../http/respond.ts'
import { ICON } from '../pages/layout.tsx'
import { STYLESHEET } from '../pages/stylesheet.ts'
import type { Endpoint } from './endpoint.ts'

const asset = (path: string, type: string, body: string): Endpoint => ({
  path,
  refuse: sendRefusal,
  isRoutine: true,
  get: async (c) =>
    c.body(body, 200, { 'Content-Type': type, 'Cache-Control': 'public, max-age=300' }),
})

export const style = asset('/style.css', 'text/css; charset=utf-8', STYLESHEET)
export const icon = asset('/icon.svg', 'image/svg+xml', ICON)
