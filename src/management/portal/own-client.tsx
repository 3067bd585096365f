/** The pages of one client that the visitor owns, at `/clients/{id}/PAGE`, which have forms. */

import type { JSX } from 'hono/jsx/jsx-runtime'
import type { Hidden } from '../../pages/parts.tsx'
import { type ClientFrameProps, clientPath } from '../../pages/portal/frame.tsx'
import type { Declared, OwnClient } from '../../stores/shown-client.ts'
import type { Page } from '../page.ts'
import { attempt, clientFormFields, type FormWords, type Refused } from './attempt.ts'
import type { Done } from './done.ts'
import { frameOf, portalPage, type Read, sendPortalPage, type Visit } from './portal-page.tsx'

export const readClient: Read<OwnClient> = ({ reader, visitor, c }) =>
  reader.client(visitor, c.req.param('client_id') ?? '')

export const readClientAndDeclared: Read<OwnClient & Declared> = ({ reader, visitor, c }) =>
  reader.clientAndDeclared(visitor, c.req.param('client_id') ?? '')

/** The page of the client, which says what was done. */
export const clientDone = (clientId: string, done: Done) => `${clientPath(clientId)}?done=${done}`

type Form = FormWords &
  Readonly<{
    /** Its token is bound to the name. */
    name: string
    /** Does what the form asks for. Returns the address of the next page, or that page. */
    act: (version: number) => Promise<string | Response>
  }>

/** What a page with forms is given beside the visit. */
export type Showing = Readonly<{
  shared: ClientFrameProps
  /** The form that was refused; null at first. */
  posted: URLSearchParams | null
  /** The hidden fields of the form with this name. */
  hiddenOf: (name: string) => Promise<Hidden>
}>

type OwnClientPage<Found> = Readonly<{
  page: string
  read: Read<Found>
  show: (visit: Visit<Found>, showing: Showing) => Promise<JSX.Element>
  /** Which of its forms was sent. */
  formIn: (visit: Visit<Found>, posted: URLSearchParams) => Form
}>

/** `words`: what was done, or the problem. */
export async function sharedProps(
  visit: Visit<OwnClient>,
  words: Parameters<typeof frameOf>[1] = {},
): Promise<ClientFrameProps> {
  const { clientId, name } = visit.found.client
  return { frame: await frameOf(visit, words), clientId, name }
}

export const showingOf = async (
  visit: Visit<OwnClient>,
  words: Parameters<typeof frameOf>[1],
  posted: URLSearchParams | null = null,
): Promise<Showing> => ({
  shared: await sharedProps(visit, words),
  posted,
  hiddenOf: (name) => clientFormFields(visit, name, visit.found.client),
})

/** A form that is refused is shown again, with what is wrong. */
export function ownClientPage<Found extends OwnClient>({
  page,
  read,
  show,
  formIn,
}: OwnClientPage<Found>): Page {
  async function send(visit: Visit<Found>, posted: URLSearchParams | null, refused?: Refused) {
    const showing = await showingOf(visit, { problem: refused?.problem ?? null }, posted)
    return sendPortalPage(visit, await show(visit, showing), refused)
  }
  return portalPage<Found>({
    path: `/clients/:client_id/${page}`,
    read,
    get: (visit) => send(visit, null),
    async post(visit, posted) {
      const { name, act, ...words } = formIn(visit, posted)
      const asked = { form: name, id: visit.found.client.clientId, ...words }
      const attempted = await attempt(visit, posted, asked, act)
      if (attempted.kind === 'refused') return send(visit, posted, attempted)
      const { done } = attempted
      return typeof done === 'string' ? visit.c.redirect(done, 303) : done
    },
  })
}
