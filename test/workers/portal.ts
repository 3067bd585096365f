/** Owners at the pages of the portal, for the tests: a browser that opens a page, fills in a form and sends it. */

import { mintToken } from '../../src/crypto/token.ts'
import { formToken } from '../../src/http/form-token.ts'
import { formsOf, type Pair } from '../node/forms.ts'
import {
  cookiesOf,
  type Fetch,
  ISSUER,
  newUser,
  registry,
  sessionTokenIn,
  signIn,
  type TestUser,
} from './registry.ts'
import { authorizing, browserRecord, store } from './stored-session.ts'

export type Filled = Readonly<Record<string, string | readonly string[]>>

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

export const pathOf = (address: string) => new URL(address, ISSUER).pathname

/** The fields of a form, some of them changed. A list is a field that is sent several times. */
export const filled = (fields: readonly Pair[], changed: Filled): Pair[] => [
  ...fields.filter(([name]) => !(name in changed)),
  ...Object.entries(changed).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one): Pair => [name, one]),
  ),
]

export type Owner = Readonly<{
  user: TestUser
  cookie: string
  get: (path: string) => Promise<Response>
  /** The text of a page, which must be there. */
  page: (path: string) => Promise<string>
  /** The fields of the form of a page; `act` tells apart the forms of one page. */
  form: (path: string, act?: string) => Promise<Pair[]>
  send: (
    path: string,
    fields: readonly Pair[],
    headers?: Record<string, string>,
  ) => Promise<Response>
  /** Opens a page, changes its form and sends it. */
  submit: (path: string, changed?: Filled, act?: string) => Promise<Response>
}>

export const isForAct = (act: string | undefined) => (fields: readonly Pair[]) =>
  act === undefined || fields.some(([name, value]) => name === 'act' && value === act)

export function ownerWith(user: TestUser, cookie: string, fetch: Fetch = registry): Owner {
  const headers = { Cookie: cookie }
  const get = (path: string) => fetch(path, { headers })
  const page = async (path: string) => {
    const opened = await get(path)
    if (opened.status !== 200) throw new Error(`${path} answered ${opened.status}`)
    return opened.text()
  }
  const form = async (path: string, act?: string) => {
    const found = formsOf(await page(path), path).find(isForAct(act))
    if (!found) throw new Error(`there is no form at ${path}`)
    return found
  }
  const send: Owner['send'] = (path, fields, more = {}) =>
    fetch(path, {
      method: 'POST',
      headers: { ...FORM, ...headers, ...more },
      body: new URLSearchParams([...fields]).toString(),
    })
  return {
    user,
    cookie,
    get,
    page,
    form,
    send,
    submit: async (path, changed = {}, act) => send(path, filled(await form(path, act), changed)),
  }
}

/** A user of an accounts service, with a session that has these scopes. */
export async function externalOwner(userId: string, fetch: Fetch, scopes: string[] = []) {
  const user = { user_id: userId, username: `name-of-${userId}`, email: 'e@example.org' }
  const session = { ...browserRecord(), ...authorizing(scopes), user }
  const token = await store(mintToken('browserSession'), session)
  return ownerWith({ id: userId, username: user.username }, `registry_session=${token}`, fetch)
}

/** A signed-in user without a client. */
export async function newOwner(fetch: Fetch = registry): Promise<Owner> {
  const user = await newUser({ scopes: [], endorsements: [] })
  return ownerWith(user, await signIn(user), fetch)
}

export const CLIENT = {
  name: 'Reading list',
  url: 'https://reading.example',
  description: 'Keeps what a user wants to read.',
  redirect_uris: 'https://reading.example/callback',
  kind: 'server',
}

export const referencesIn = (page: string) =>
  [...page.matchAll(/<code class="reference">([^<]*)<\/code>/g)].map(([, text = '']) => text)

/** Registers a client by the form. */
export async function register(
  owner: Owner,
  changed: Filled = {},
): Promise<Readonly<{ id: string; secret: string }>> {
  const answer = await owner.submit('/new-client', { ...CLIENT, ...changed })
  const text = await answer.text()
  if (answer.status !== 200) throw new Error(`registration answered ${answer.status}: ${text}`)
  const [id = '', secret = ''] = referencesIn(text)
  return { id, secret }
}

/** A client that a new owner registers by the form, and the owner. */
export async function newOwnedClient(changed: Filled = {}) {
  const owner = await newOwner()
  return { owner, ...(await register(owner, changed)) }
}

/** Offers the client to a user. */
export const offer = (owner: Owner, id: string, name: string) =>
  owner.submit(`/clients/${id}/owners`, { owner: name }, 'offer_ownership')

/** The fields of the form by which a user answers an offer, without the answer; null without an offer. */
export const offerForm = async (user: Owner, id: string) =>
  formsOf(await user.page('/clients'), '/clients').find((fields) =>
    fields.some(([name, value]) => name === 'client' && value === id),
  ) ?? null

export async function answerOffer(user: Owner, id: string, act: 'accept' | 'decline') {
  const fields = await offerForm(user, id)
  if (!fields) throw new Error('the client was not offered to the user')
  return user.send('/clients', [...fields, ['act', act]])
}

/** Makes the user a further owner. */
export async function share(owner: Owner, id: string, user: Owner) {
  const asked = await offer(owner, id, user.user.username)
  const accepted = asked.status === 303 ? await answerOffer(user, id, 'accept') : asked
  if (accepted.status !== 303) throw new Error(`sharing a client answered ${accepted.status}`)
}

/** A client that another user owns too, so that each of its pages has a form. */
export async function registerShared(owner: Owner, changed: Filled = {}) {
  const made = await register(owner, changed)
  const friend = await newOwner()
  await share(owner, made.id, friend)
  return { ...made, friend: friend.user.username }
}

/** The fields of a form that no page showed: a user can compute its token from their own cookie. */
export async function minted(owner: Owner, form: string, id: string, version: number) {
  const purpose = ['portal', form, id, String(version)]
  const token = await formToken(sessionTokenIn(owner.cookie), purpose)
  const fields: Pair[] = [
    ['version', String(version)],
    ['form_token', token],
  ]
  return fields
}

export { cookiesOf }
