/** What holds of every answer, whatever the endpoint: its headers, one line of the log, one data point. */

import type { Context, Handler } from 'hono'
import type { DataPoints } from '../stores/ports.ts'
import { openToAnyOrigin } from './any-origin.ts'
import { clientOf, endpointOf, type RefusalDeps } from './explain.ts'
import { log } from './log.ts'
import { RequestNote } from './request-note.ts'
import { JsonAnswer, NO_STORE } from './respond.ts'
import { beginServing } from './serving.ts'

export type FrameSettings = Readonly<{
  issuer: string
  /** Does the log tell of what went well, too? */
  logsAnswers: boolean
  /** Null when none are taken. */
  dataPoints: DataPoints | null
}>

/** What an endpoint says of itself, as far as it concerns the frame. */
export type Framed = Readonly<{
  /** Answers a refusal or a fault thrown by a handler: JSON for clients, a page for people. */
  refuse: (c: Context, cause: unknown) => Response | Promise<Response>
  /** May scripts of any origin call it? For what browsers need without a cookie of ours. */
  allowsAnyOrigin?: boolean
  /** Nothing of consequence: only refusals and faults are told. */
  isRoutine?: boolean
}>

export type Answer = Response | JsonAnswer
/** `deps` are this request's own. */
export type Serve<Deps> = (c: Context, deps: Deps) => Answer | Promise<Answer>

/** `serve` and all that holds of its answers, as one handler. `open` makes what a request is given. */
export function framed<Deps extends RefusalDeps>(
  endpoint: Framed,
  settings: FrameSettings,
  open: (note: RequestNote) => Deps,
  serve: Serve<Deps>,
): Handler {
  const dress = (headers: Headers) => {
    headers.set('X-Content-Type-Options', 'nosniff')
    headers.set('Referrer-Policy', 'no-referrer')
    // Also of a redirect: its address may hold a code (RFC 9700 §4.2.4), and it may set a cookie.
    if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
    if (isSecure) headers.set('Strict-Transport-Security', 'max-age=31536000')
    if (endpoint.allowsAnyOrigin) openToAnyOrigin(headers)
    return headers
  }
  const isSecure = settings.issuer.startsWith('https://')
  // Made once: headers cost more than the rest of an answer.
  const jsonHeaders = dress(new Headers({ 'Content-Type': 'application/json', ...NO_STORE }))

  async function respond(c: Context, deps: Deps): Promise<Response> {
    let answer: Answer
    try {
      answer = await serve(c, deps)
    } catch (cause) {
      answer = await endpoint.refuse(c, cause)
    }
    if (answer instanceof JsonAnswer) {
      return new Response(JSON.stringify(answer.body), { headers: jsonHeaders })
    }
    dress(answer.headers)
    return answer
  }

  return async (c) => {
    const note = new RequestNote()
    const deps = open(note)
    beginServing(c, { deps, note })
    const response = await respond(c, deps)
    if (note.trouble || !endpoint.isRoutine) tell(c, note, response.status, settings)
    return response
  }
}

/** Of an index, in bytes: Analytics Engine takes no more. */
const MAX_INDEX = 96

function tell(
  c: Context,
  note: RequestNote,
  status: number,
  { dataPoints, logsAnswers }: FrameSettings,
) {
  if (!note.trouble && !logsAnswers && !dataPoints) return
  const endpoint = endpointOf(c)
  const clientId = clientOf(c)
  const { outcome, reason, detail } = note.trouble ?? {
    outcome: 'answered',
    reason: '',
    detail: '',
  }
  const ms = Date.now() - note.startedAtMs
  const { d1, kvReads, kvWrites } = note.operations
  if (note.trouble || logsAnswers) {
    const why = note.trouble && { reason, detail }
    const line = { endpoint, clientId, outcome, ...why, status, ms, d1, kvReads, kvWrites }
    log('request', line, note)
  }
  try {
    dataPoints?.writeDataPoint({
      indexes: [(clientId ?? '').slice(0, MAX_INDEX)],
      blobs: [endpoint, outcome, reason, clientId ?? ''],
      doubles: [ms, status, d1, kvReads, kvWrites],
    })
  } catch (fault) {
    log('data_point_lost', { fault }, note)
  }
}
