/** What is known of the request behind a context: its note, and what its refusal would need. */

import type { Context } from 'hono'
import type { RefusalDeps } from './explain.ts'
import type { RequestNote } from './request-note.ts'

type Serving = Readonly<{ deps: RefusalDeps; note: RequestNote }>

const SERVING = 'serving'

/** Before anything else is done with the context. */
export const beginServing = (c: Context, serving: Serving) => c.set(SERVING, serving)

export const servingOf = (c: Context) => c.get(SERVING) as Serving

export const noteOf = (c: Context) => servingOf(c).note
