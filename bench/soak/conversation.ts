/** Sends requests, measures their time and reports wrong responses. A missing response is wrong only while the service is up. */

import { setTimeout as wait } from 'node:timers/promises'
import type { Service } from './service.ts'

export type Answer = Readonly<{
  status: number
  headers: Headers
  text: string
  begunMs: number
  endedMs: number
}>
export type Request = Readonly<{ url: string; headers?: Record<string, string>; form?: Pairs }>
export type Pairs = Record<string, string> | [string, string][]
/** `isRepeated`: an earlier attempt got no response, and may have taken effect. */
export type Insisted = Readonly<{ answer: Answer; isRepeated: boolean }>

const RETRY_MS = 200
const MOST_COMPLAINTS = 20

export function conversationWith(service: Service) {
  const latencies = new Map<string, number[]>()
  const complaints: string[] = []
  const counts = { answers: 0, unanswered: 0, wrong: 0, lost: 0 }

  /** `what` must not contain a secret or a token. */
  const complain = (kind: string, what: string) => {
    console.error(`${new Date().toISOString()} ${kind}: ${what}`)
    if (complaints.length < MOST_COMPLAINTS) complaints.push(`${kind}: ${what}`)
  }
  const wrong = (kind: string, what: string) => {
    counts.wrong += 1
    complain(kind, what)
  }

  /** Returns null if there is no response or 503, which is wrong unless the service was down. */
  async function ask(kind: string, { url, headers = {}, form }: Request): Promise<Answer | null> {
    const begunMs = Date.now()
    const begun = performance.now()
    const unanswered = (why: string) => {
      counts.unanswered += 1
      if (!service.wasDown(begunMs, Date.now())) wrong(kind, `${why} while the service was up`)
      return null
    }
    try {
      const response = await fetch(url, {
        redirect: 'manual',
        headers,
        ...(form && { method: 'POST', body: new URLSearchParams(form) }),
      })
      const text = await response.text()
      const { status } = response
      if (status === 503 && response.headers.get('Retry-After') === null) {
        wrong(kind, '503 without Retry-After')
      }
      if (status >= 500) return unanswered(`status ${status}`)
      const known = latencies.get(kind)
      if (known) known.push(performance.now() - begun)
      else latencies.set(kind, [performance.now() - begun])
      counts.answers += 1
      return { status, headers: response.headers, text, begunMs, endedMs: Date.now() }
    } catch (fault) {
      const { cause } = fault as { cause?: { code?: string } }
      return unanswered(cause?.code ?? String(fault))
    }
  }

  return {
    counts,
    complaints,
    latencies,
    wrong,
    /** Reports that a session that must be valid was refused. */
    lost(kind: string, what: string) {
      counts.lost += 1
      complain(kind, `LOST: ${what}`)
    },
    ask,
    /** Repeats the request until there is a response, as a client does. */
    async insist(kind: string, request: Request): Promise<Insisted> {
      for (let isRepeated = false; ; isRepeated = true) {
        const answer = await ask(kind, request)
        if (answer) return { answer, isRepeated }
        await wait(RETRY_MS)
      }
    },
    /** Returns whether the status is one of these, and otherwise reports a wrong response. */
    expect(kind: string, { status, text }: Answer, ...expected: readonly number[]): boolean {
      if (expected.includes(status)) return true
      const error = /"error":"(\w+)"/.exec(text)?.[1] ?? ''
      wrong(kind, `status ${status} ${error}, not ${expected.join(' or ')}`)
      return false
    },
  }
}

export type Conversation = ReturnType<typeof conversationWith>
