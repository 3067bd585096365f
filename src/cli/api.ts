/**
 * The management API, as the commands call it. A refusal becomes one line with the name of the option. A lost answer after a
 * change is never shown as a refusal.
 */

import { isObject } from '../domain/json-object.ts'
import { jsonIn } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { isNotSent, reasonOf } from './http.ts'
import { OPTIONS_OF_MEMBERS } from './options.ts'

const API_PATH = '/admin/v1'

export type Call = Readonly<{
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the API's path, encoded: see `pathOf`. */
  path: `/${string}`
  query?: Readonly<Record<string, string | number | undefined>>
  body?: unknown
  /** The ETag of what was read, or `*` for any version. */
  ifMatch?: string
  /** A change that can be made twice: it is sent again when its answer is lost. */
  isRepeatable?: true
}>

/** What the API returns. */
export type Document = Readonly<Record<string, unknown>>
/** `etag`: of the version that was answered with, for `ifMatch`. */
type Answer<Body> = Readonly<{ body: Body; etag: string }>

export type ManagementApi = Readonly<{
  /** Throws a Refusal, for what the API refuses a ProblemRefusal. */
  call: <Body = Document>(call: Call) => Promise<Answer<Body>>
}>

/** What is used of a response: that of `fetch`, or of Miniflare. */
type Response = Readonly<{
  status: number
  ok: boolean
  headers: Readonly<{ get: (name: string) => string | null }>
  text: () => Promise<string>
}>

export type Sent = Readonly<{
  method: string
  /** With the query. */
  target: string
  headers: Readonly<Record<string, string>>
  body?: string
}>

/** A registry that was found, and how to send it a request with a token. */
export type Reached = Readonly<{
  /** For messages. */
  url: string
  isRemote: boolean
  /** Adds the token. Rejects if no answer came. */
  send: (sent: Sent) => Promise<Response>
  /** The token was refused: false if there is no other to try. */
  renew: () => Promise<boolean>
}>

/** What the API refused. */
export class ProblemRefusal extends Refusal {
  readonly status: number
  /** The member or parameter that is at fault, if the API named one. */
  readonly field: string | null

  constructor(message: string, status: number, field: string | null = null) {
    super(message)
    this.status = status
    this.field = field
  }
}

const DOTS = /^\.{1,2}$/

/** `encodeURIComponent`, with a refusal for the texts that a URL cannot have as a segment (RFC 3986 §5.2.4). */
function segmentOf(text: string): string {
  if (!DOTS.test(text)) return encodeURIComponent(text)
  throw new Refusal(`${JSON.stringify(text)} cannot be an id here: give the id of the record`)
}

/** `` pathOf`/clients/${id}/secrets` ``, with each value encoded. */
export const pathOf = (texts: TemplateStringsArray, ...values: readonly string[]) =>
  texts.reduce((path, text, i) => `${path}${text}${segmentOf(values[i] ?? '')}`, '') as `/${string}`

type Problem = Readonly<{ detail?: unknown; field?: unknown }>
/** `body`: null if it is not JSON. */
type Received = Readonly<{ response: Response; body: unknown }>

/** Undefined for what is not a problem of the API. */
const problemIn = ({ response, body }: Received): Problem | undefined =>
  response.headers.get('Content-Type')?.startsWith('application/problem+json') && isObject(body)
    ? body
    : undefined

/** In the sentence the member's name becomes that of the option. Quoted values stay. */
function inOptions(sentence: string, field: string | null): string {
  const option = field === null ? undefined : OPTIONS_OF_MEMBERS[field]
  if (option === undefined) return sentence
  return sentence.replace(/"(?:[^"\\]|\\.)*"|[a-z_]+/g, (word) => (word === field ? option : word))
}

function refusalOf(received: Received, { url }: Reached): ProblemRefusal {
  const { status } = received.response
  const problem = problemIn(received)
  if (!problem) {
    const hint = status === 404 ? ': the management worker is not deployed there' : ''
    return new ProblemRefusal(`${url} answered ${status}, not as the management API${hint}`, status)
  }
  const field = typeof problem.field === 'string' ? problem.field : null
  const words = inOptions(String(problem.detail), field)
  if (status < 500 && status !== 401 && status !== 429)
    return new ProblemRefusal(words, status, field)
  return new ProblemRefusal(`the registry answered ${status}: ${words}`, status)
}

/** The change may have been committed before its answer was lost. */
export class LostAnswer extends Refusal {}

function lostAnswer({ url, isRemote }: Reached, why: string): LostAnswer {
  const remote = isRemote ? ' --remote' : ''
  return new LostAnswer(
    `the answer of the registry at ${url} was lost (${why}): the change may have been made. To find out: ` +
      `npm run --silent admin -- audit --since 15m${remote}`,
  )
}

function sentOf({ method, path, query = {}, body, ifMatch }: Call): Sent {
  const given = Object.entries(query).filter(([, value]) => value !== undefined)
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
  return {
    method,
    target: `${API_PATH}${path}${search === '' ? '' : `?${search}`}`,
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(ifMatch !== undefined && { 'If-Match': ifMatch }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }
}

/** Not for `*`: made twice, such a change could undo what another administrator did in between. */
const isVersioned = (ifMatch: string | undefined) => ifMatch !== undefined && ifMatch !== '*'

export function managementApi(reached: Reached): ManagementApi {
  const unreachable = (why: string) =>
    new Refusal(`cannot reach the registry at ${reached.url}: ${why}`)

  /** A string says why the answer is lost. */
  async function exchange(sent: Sent): Promise<Received | string> {
    try {
      const response = await reached.send(sent)
      return { response, body: jsonIn(await response.text()) }
    } catch (fault) {
      if (fault instanceof Refusal) throw fault
      if (isNotSent(fault)) throw unreachable(reasonOf(fault))
      return reasonOf(fault)
    }
  }

  /** Null for an answer that says what was done. */
  function lossOf(received: Received | string): string | null {
    if (typeof received === 'string') return received
    const { response, body } = received
    if (response.status >= 500) {
      return `${response.status}: ${String(problemIn(received)?.detail ?? 'no reason given')}`
    }
    return response.ok && !isObject(body) ? `${response.status}: no reason given` : null
  }

  async function withToken(sent: Sent): Promise<Received | string> {
    const first = await exchange(sent)
    const isRefused = typeof first !== 'string' && first.response.status === 401
    return isRefused && (await reached.renew()) ? exchange(sent) : first
  }

  return {
    async call<Body>(call: Call) {
      const sent = sentOf(call)
      const isWrite = call.method !== 'GET'
      let received = await withToken(sent)
      let loss = lossOf(received)
      const isRepeatable = call.isRepeatable ?? (!isWrite || isVersioned(call.ifMatch))
      const isRepeated = loss !== null && isRepeatable
      if (isRepeated) {
        received = await withToken(sent)
        // The first try may have made the version stale.
        const isStale = typeof received !== 'string' && received.response.status === 412
        loss = isStale ? loss : lossOf(received)
      }
      if (isWrite && loss !== null) throw lostAnswer(reached, loss)
      if (typeof received === 'string') throw unreachable(received)
      if (!received.response.ok || loss !== null) throw refusalOf(received, reached)
      const etag = received.response.headers.get('ETag') ?? '*'
      return { body: received.body as Body, etag }
    },
  }
}

export type Changed = Readonly<{ document: Document; etag: string }>

/** Makes a change, and tells each note of the answer apart from the document. */
export async function makeChange(
  api: ManagementApi,
  call: Call,
  tell: (note: string) => void,
): Promise<Changed> {
  const { body, etag } = await api.call<Document & { notes?: readonly string[] }>(call)
  const { notes = [], ...document } = body
  for (const one of notes) tell(one)
  return { document, etag }
}
