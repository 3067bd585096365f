/** The pages of one client that the visitor owns, at `/clients/{id}/PAGE`, with their forms. */

import type { JSX } from 'hono/jsx/jsx-runtime'
import type { FormHead } from '../../pages/parts.tsx'
import { type ClientFrameProps, clientPath } from '../../pages/portal/frame.tsx'
import type { Declared, OwnClient } from '../../stores/shown-client.ts'
import type { Page } from '../page.ts'
import { actOf, attempt, type FormWords, formHead } from './attempt.ts'
import type { Done } from './done.ts'
import {
  type Notice,
  type PortalPage,
  portalPage,
  type Read,
  sendPortalPage,
  type Visit,
} from './portal-page.tsx'

export const readClient: Read<OwnClient> = ({ reader, visitor, c }) =>
  reader.client(visitor, c.req.param('client_id') ?? '')

export const readClientAndDeclared: Read<OwnClient & Declared> = ({ reader, visitor, c }) =>
  reader.clientAndDeclared(visitor, c.req.param('client_id') ?? '')

export const clientDone = (clientId: string, done: Done) => `${clientPath(clientId)}?done=${done}`

/** A form that was sent. `version`: the version of the client that its page showed. */
type Sent<Found> = Readonly<{
  visit: Visit<Found>
  posted: URLSearchParams
  act: ReturnType<typeof actOf>
  clientId: string
  version: number
  /** Sends a page other than the next one. */
  send: Send<Found>
}>

export type Form<Found> = Readonly<{
  /** Does what the form asks for. May return the page that follows. */
  perform: (sent: Sent<Found>) => Promise<unknown>
  /** The sentence of the next page; absent if `perform` always returns a page. */
  done?: Done
  /** The next page. The default is the page of the client. */
  next?: string
}>

/** What a page gets in addition to the visit. */
export type Showing = Readonly<{
  shared: ClientFrameProps
  /** The form that was refused; null if the page is shown for the first time. */
  posted: URLSearchParams | null
  /** The address and the hidden fields of the form with this name. */
  headOf: (name: string) => Promise<FormHead>
}>

type Send<Found> = (
  visit: Visit<Found>,
  notice: Notice,
  page: (showing: Showing) => Promise<JSX.Element>,
  posted?: URLSearchParams,
) => Promise<Response>

type OwnClientPage<Found> = Omit<PortalPage<Found>, 'path' | 'get' | 'post'> &
  Readonly<{
    page: string
    show: (visit: Visit<Found>, showing: Showing) => Promise<JSX.Element>
    /** The forms by the field `act`, to which the token is bound. A sent form without this field is the first form. */
    forms?: Readonly<Record<string, Form<Found>>>
    words?: FormWords
  }>

/** A refused form is shown again, with its problems. */
export function ownClientPage<Found extends OwnClient>({
  page,
  show,
  forms = {},
  words = {},
  ...rest
}: OwnClientPage<Found>): Page {
  const send: Send<Found> = (visit, notice, pageOf, posted) => {
    const { clientId, name, version } = visit.found.client
    const action = clientPath(clientId, page)
    return sendPortalPage(visit, notice, (frame) =>
      pageOf({
        shared: { frame, clientId, name },
        posted: posted ?? null,
        headOf: (form) => formHead(visit, action, { form, id: clientId, version }, [['act', form]]),
      }),
    )
  }
  const named = Object.entries(forms)
  async function post(visit: Visit<Found>, posted: URLSearchParams) {
    const isSent = ([name]: (typeof named)[number]) => name === posted.get('act')
    const [name, { perform, done, next }] =
      named.find(isSent) ?? (named[0] as (typeof named)[number])
    const { clientId } = visit.found.client
    const asked = { ...words, form: name, id: clientId }
    const attempted = await attempt(visit, posted, asked, (version) =>
      perform({ visit, posted, act: actOf(visit), clientId, version, send }),
    )
    if (attempted.kind === 'refused') {
      return send(visit, attempted, (showing) => show(visit, showing), posted)
    }
    if (attempted.done instanceof Response) return attempted.done
    return visit.c.redirect(`${next ?? clientPath(clientId)}?done=${done}`, 303)
  }
  return portalPage<Found>({
    ...rest,
    path: `/clients/:client_id/${page}`,
    get: (visit) => send(visit, {}, (showing) => show(visit, showing)),
    ...(named.length > 0 && { post }),
  })
}
