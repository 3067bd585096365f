/**
 * The only place that sends a request to an address which somebody else names. Runs in the management worker, whose flag
 * `global_fetch_strictly_public` makes the platform refuse addresses of private networks, whatever a name resolves to.
 */

import { within } from '../deadline.ts'
import type { Accepted, FetchBounded, Outbound, OutboundRequest } from '../protocol/outbound.ts'
import { outboundUrlProblem } from '../protocol/outbound-url.ts'
import { freshSecondsOf } from './freshness.ts'

const failed = (reason: string): Outbound => ({ kind: 'failed', reason })

const isAccepted = (mediaType: string, accepted: Accepted) =>
  accepted.some((one) =>
    one.startsWith('+')
      ? mediaType.startsWith('application/') && mediaType.endsWith(one)
      : one === mediaType,
  )

class TooLate extends Error {}
class TooLong extends Error {}

/** Throws TooLong when more comes. Counts what arrives, decompressed, and believes no Content-Length. */
async function readBody(response: Response, maxBytes: number, signal: AbortSignal) {
  const bytes = new Uint8Array(maxBytes)
  let length = 0
  if (response.body === null) return bytes.slice(0, 0)
  const reader = response.body.getReader()
  const stop = () => void reader.cancel().catch(() => {})
  signal.addEventListener('abort', stop)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return bytes.slice(0, length)
      if (length + value.byteLength > maxBytes) throw new TooLong()
      bytes.set(value, length)
      length += value.byteLength
    }
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

async function ask(request: OutboundRequest, signal: AbortSignal): Promise<Outbound> {
  const { url, accept, maxBytes } = request
  const response = await fetch(url, {
    // Nothing of a redirect's target was checked.
    redirect: 'manual',
    signal,
    headers: {
      Accept: accept.filter((one) => !one.startsWith('+')).join(', '),
      'User-Agent': 'edge-registry',
    },
  })
  const refuse = (reason: string) => {
    void response.body?.cancel().catch(() => {})
    return failed(reason)
  }
  if (response.status !== 200) return refuse(`answered with the status ${response.status}`)
  const [mediaType = ''] = (response.headers.get('Content-Type') ?? '').toLowerCase().split(';')
  if (!isAccepted(mediaType.trim(), accept)) return refuse('answered with another content type')
  return {
    kind: 'fetched',
    bytes: await readBody(response, maxBytes, signal),
    mediaType: mediaType.trim(),
    freshSeconds: freshSecondsOf(response.headers),
  }
}

/** Never throws. Follows no redirect, sends no credential, and takes only the status 200. */
export const fetchBounded =
  (allowsLoopback: boolean): FetchBounded =>
  async (request) => {
    const problem = outboundUrlProblem(request.url, allowsLoopback)
    if (problem !== null) return failed(problem)
    const { deadlineSeconds, maxBytes } = request
    const aborting = new AbortController()
    try {
      return await within(
        deadlineSeconds,
        () => ask(request, aborting.signal),
        () => new TooLate(),
      )
    } catch (fault) {
      if (fault instanceof TooLate) return failed(`has not answered within ${deadlineSeconds} s`)
      if (fault instanceof TooLong) return failed(`answered with more than ${maxBytes} bytes`)
      return failed('cannot be reached')
    } finally {
      aborting.abort()
    }
  }
