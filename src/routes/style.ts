/** `/style.css`: the only thing that our pages load. */

import { sendRefusal } from '../http/respond.ts'
import { STYLESHEET } from '../pages/stylesheet.ts'
import type { Endpoint } from './endpoint.ts'

export const style = (): Endpoint => ({
  path: '/style.css',
  refuse: sendRefusal,
  get: async (c) =>
    c.body(STYLESHEET, 200, {
      'Content-Type': 'text/css; charset=utf-8',
      'Cache-Control': 'public, max-age=300',
    }),
})
