/** The response of a worker with a bad setting or a missing binding. The log names it. */

import { log } from './log.ts'

export function misconfigured(fault: unknown): Response {
  log('misconfigured', { fault })
  return Response.json(
    { error: 'temporarily_unavailable', error_description: 'The service is not set up.' },
    { status: 503, headers: { 'Retry-After': '60', 'Cache-Control': 'no-store' } },
  )
}
