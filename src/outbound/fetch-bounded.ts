/**
 * The only place that sends a request to an address that a client or an operator names. It runs in the management Worker,
 * whose flag `global_fetch_strictly_public` makes the platform refuse addresses of private networks, even if a public name
 * resolves to one.
 */

import { within } from '../deadline.ts'
import type {
  Accepted,
  FetchBounded,
  Outbound,
  OutboundPost,
  OutboundRequest,
  PostBounded,
  Posted,
} from '../protocol/outbound.ts'
import { outboundUrlProblem } from '../protocol/outbound-url.ts'
import { freshSecondsOf } from './freshness.ts'

const failed = (reason: string): Outbound => ({ kind: 'failed', reason })
const USER_AGENT = 'edge-registry'

/** Redirects are not followed, because the target of a redirect was not checked. */
const unfollowed = (signal: AbortSignal) => ({ redirect: 'manual', signal }) as const

const isAccepted = (mediaType: string, accepted: Accepted) =>
  accepted.some((one) =>
    one.startsWith('+')
      ? mediaType.startsWith('application/') && mediaType.endsWith(one)
      : one === mediaType,
  )

class TooLate extends Error {}
class TooLong extends Error {
  constructor(maxBytes: number) {
    super(`answered with more than ${maxBytes} bytes`)
  }
}

/** Throws TooLong if the body is longer. Counts the bytes that arrive, decompressed, and does not trust Content-Length. */
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
      if (length + value.byteLength > maxBytes) throw new TooLong(maxBytes)
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
    ...unfollowed(signal),
    headers: {
      Accept: accept.filter((one) => !one.startsWith('+')).join(', '),
      'User-Agent': USER_AGENT,
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

/** Sends no request to an address that is not allowed. `failing` makes the result of every failure. */
async function bounded<Result>(
  { url, deadlineSeconds }: Pick<OutboundRequest, 'url' | 'deadlineSeconds'>,
  allowsLoopback: boolean,
  asking: (signal: AbortSignal) => Promise<Result>,
  failing: (reason: string) => Result,
): Promise<Result> {
  const problem = outboundUrlProblem(url, allowsLoopback)
  if (problem !== null) return failing(problem)
  const aborting = new AbortController()
  try {
    return await within(
      deadlineSeconds,
      () => asking(aborting.signal),
      () => new TooLate(),
    )
  } catch (fault) {
    if (fault instanceof TooLate) return failing(`has not answered within ${deadlineSeconds} s`)
    if (fault instanceof TooLong) return failing(fault.message)
    return failing('cannot be reached')
  } finally {
    aborting.abort()
  }
}

/** Never throws. Follows no redirect, sends no credential, and accepts only the status 200. */
export const fetchBounded =
  (allowsLoopback: boolean): FetchBounded =>
  (request) =>
    bounded(request, allowsLoopback, (signal) => ask(request, signal), failed)

async function send(post: OutboundPost, signal: AbortSignal): Promise<Posted> {
  const { url, body, mediaType, headers } = post
  const response = await fetch(url, {
    method: 'POST',
    ...unfollowed(signal),
    headers: { ...headers, 'Content-Type': mediaType, 'User-Agent': USER_AGENT },
    body,
  })
  void response.body?.cancel().catch(() => {})
  const { status } = response
  if (response.ok) return { kind: 'accepted' }
  return { kind: 'failed', reason: `answered with the status ${status}`, isGone: status === 410 }
}

/** Never throws. Follows no redirect, and reads no body: any status from 200 to 299 means success. */
export const postBounded =
  (allowsLoopback: boolean): PostBounded =>
  (post) =>
    bounded<Posted>(
      post,
      allowsLoopback,
      (signal) => send(post, signal),
      (reason) => ({ kind: 'failed', reason, isGone: false }),
    )
