/** The management API, as the commands call it. A lost response to a change is never shown as a refusal. */

import { isObject } from '../domain/json-object.ts'
import { jsonIn } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { isNotSent, reasonOf } from './http.ts'
import { OPTIONS_OF_MEMBERS } from './options.ts'

const API_PATH = '/admin/v1'

export type Call = Readonly<{
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** The path below the API's path, encoded: see `pathOf`. */
  path: `/${string}`
  query?: Readonly<Record<string, string | number | undefined>>
  body?: unknown
  /** The ETag of the record that was read, or `*` for any version. */
  ifMatch?: string
  /** True for a change that can be made twice: it is sent again if its response is lost. */
  isRepeatable?: true
}>

export type Document = Readonly<Record<string, unknown>>
type Answer<Body> = Readonly<{ body: Body; etag: string }>

export type ManagementApi = Readonly<{
  /** Throws a Refusal, and a ProblemRefusal if the API refuses. */
  call: <Body = Document>(call: Call) => Promise<Answer<Body>>
}>

/** The parts of a response, from `fetch` or from Miniflare, that are used. */
type Response = Readonly<{
  status: number
  ok: boolean
  headers: Readonly<{ get: (name: string) => string | null }>
  text: () => Promise<string>
}>

export type Sent = Readonly<{
  method: string
  /** The path with the query. */
  target: string
  headers: Readonly<Record<string, string>>
  body?: string
}>

/** A registry that was found, and the function that sends it a request with a token. */
export type Reached = Readonly<{
  /** The address for messages. */
  url: string
  isRemote: boolean
  /** Adds the token to the request. Rejects if no response arrived. */
  send: (sent: Sent) => Promise<Response>
  /** Is called if the token was refused. Returns false if there is no other token to try. */
  renew: () => Promise<boolean>
}>

export class ProblemRefusal extends Refusal {
  readonly status: number
  /** The faulty member or parameter, if the API named one. */
  readonly field: string | null

  constructor(message: string, status: number, field: string | null = null) {
    super(message)
    this.status = status
    this.field = field
  }
}

const DOTS = /^\.{1,2}$/

/** Encodes the text, and refuses the texts that cannot be a segment of a URL (RFC 3986 §5.2.4). */
function segmentOf(text: string): string {
  if (!DOTS.test(text)) return encodeURIComponent(text)
  throw new Refusal(`${JSON.stringify(text)} cannot be an id here: give the id of the record`)
}

/** Makes a path, such as `` pathOf`/clients/${id}/secrets` ``. Each value is encoded. */
export const pathOf = (texts: TemplateStringsArray, ...values: readonly string[]) =>
  texts.reduce((path, text, i) => `${path}${text}${segmentOf(values[i] ?? '')}`, '') as `/${string}`

type Problem = Readonly<{ detail?: unknown; field?: unknown }>
/** `body` is null if it is not JSON. */
type Received = Readonly<{ response: Response; body: unknown }>

/** Undefined for a response that is no problem of the API. */
const problemIn = ({ response, body }: Received): Problem | undefined =>
  response.headers.get('Content-Type')?.startsWith('application/problem+json') && isObject(body)
    ? body
    : undefined

/** Replaces the member's name in the sentence with the name of the option. Quoted values stay. */
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

/** The response was lost, and the change may have been committed. */
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

/** False for `*`: if such a change were made twice, it could undo what another administrator did in between. */
const isVersioned = (ifMatch: string | undefined) => ifMatch !== undefined && ifMatch !== '*'

export function managementApi(reached: Reached): ManagementApi {
  const unreachable = (why: string) =>
    new Refusal(`cannot reach the registry at ${reached.url}: ${why}`)

  /** A string says why the response is lost. */
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

  /** Null for a response that says what was done. */
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
        // The first attempt may have made the version stale.
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

/** Makes a change, and writes each note of the response separately from the document. */
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
