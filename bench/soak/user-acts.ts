/** What happens for a user: consent, the exchange, renewals; and codes and refresh tokens shown twice. */

import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { obtainCode, signIn, visit } from './browser.ts'
import type { Insisted } from './conversation.ts'
import { checkToken, heldFor, introspectToken } from './machine-acts.ts'
import { doubt, hasEnded, ONE_SESSION_MS, REPAIRED_MS } from './truth.ts'
import {
  type Client,
  type Family,
  PASSWORD,
  pick,
  requestAs,
  SCOPES,
  someOf,
  take,
  tokenRequestAs,
  type World,
} from './world.ts'

/** CODE_RETRY_SECONDS and REFRESH_RETRY_SECONDS by default, on either side of the whole seconds they are counted in. */
const CODE_RETRY_MS = { surely: 2000, surelyNot: 3100 }
const REFRESH_RETRY_MS = { surely: 9000, surelyNot: 11_100 }
/** Of what a client does right, how often it does it again. */
const SOMETIMES = 0.1
const MOST_BROWSERS = 12

const isPublic = ({ method }: Client) => method === 'none'

export async function newBrowser(world: World): Promise<void> {
  const browser = await signIn(world, pick(world.usernames) ?? '', PASSWORD)
  if (browser) world.browsers.push(browser)
  if (world.browsers.length > MOST_BROWSERS) world.browsers.shift()
}

/** Before an act that may end all of a family; the verb takes it back. */
function doubtFamily({ tokens }: Family): () => void {
  const undo = tokens.map((token) => doubt(token, Date.now()))
  return () => {
    for (const one of undo) one()
  }
}

/** An earlier attempt may have ended it in D1 and been killed then: the later ones find it ended. */
function familyHasEnded({ tokens }: Family, { answer, isRepeated }: Insisted, by: string) {
  const withinMs = ONE_SESSION_MS + (isRepeated ? REPAIRED_MS : 0)
  for (const token of tokens) hasEnded(token, answer.endedMs, withinMs, by)
}

/** What is shown a second time must be refused. True if that was a retry, after which the family lives on. */
async function showAgain(
  world: World,
  family: Family,
  form: Record<string, string>,
  retries: Readonly<{ surely: number; surelyNot: number }>,
  spent: Readonly<{ begunMs: number; endedMs: number }>,
): Promise<boolean> {
  const begunMs = Date.now()
  const livesOn = doubtFamily(family)
  const request = tokenRequestAs(world, family.client, form)
  const insisted = await world.talk.insist('shown again', request)
  const { answer } = insisted
  world.talk.expect('shown again', answer, 400)
  if (answer.endedMs - spent.begunMs < retries.surely) {
    livesOn()
    return true
  }
  // In between nobody knows which it was.
  if (begunMs - spent.endedMs <= retries.surelyNot) return false
  familyHasEnded(family, insisted, `${form.grant_type} shown again`)
  await checkToken(world, family.tokens[0])
  await refuseRenewal(world, family)
  return false
}

async function refuseRenewal(world: World, { client, refresh }: Family) {
  const form = { grant_type: 'refresh_token', refresh_token: refresh }
  const request = tokenRequestAs(world, client, form)
  const { answer } = await world.talk.insist('renewal of an ended family', request)
  world.talk.expect('renewal of an ended family', answer, 400)
}

export async function authorizeAndExchange(world: World): Promise<void> {
  const { talk, clients } = world
  const browser = pick(world.browsers)
  const client = pick([clients.web, clients.native])
  if (!browser || !client) return
  const offered = someOf(SCOPES)
  const ticked = Math.random() < 0.8 ? offered : someOf(offered)
  const verifier = randomBytes(32).toString('base64url')
  const asked = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: client.redirectUri,
    scope: offered.join(' '),
    state: randomBytes(8).toString('hex'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  }
  const obtained = await obtainCode(world, browser, asked, ticked)
  if (!obtained) return
  if (obtained.isRemembered && isPublic(client))
    talk.wrong('authorize', 'a native client is trusted')
  const scopes = obtained.isRemembered ? offered : ticked
  const form = {
    grant_type: 'authorization_code',
    code: obtained.code,
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  }
  if (Math.random() < SOMETIMES) {
    const wrong = { ...form, code_verifier: randomBytes(32).toString('base64url') }
    const { answer } = await talk.insist('wrong verifier', tokenRequestAs(world, client, wrong))
    talk.expect('wrong verifier', answer, 400)
  }
  const begunMs = Date.now()
  const { answer, isRepeated } = await talk.insist('exchange', tokenRequestAs(world, client, form))
  // The answer was lost, or D1 was gone when the spending was to be taken back: the user authorizes once more.
  if (isRepeated && answer.status === 400) return
  if (!talk.expect('exchange', answer, 200)) return
  const who = { client, username: browser.username, scopes }
  const { token, refresh } = heldFor(world, 'exchange', answer, who)
  const family: Family = { ...who, tokens: [token], refresh, spent: null }
  const spent = { begunMs, endedMs: answer.endedMs }
  const chance = Math.random()
  if (chance < 2 * SOMETIMES) {
    if (chance < SOMETIMES) await wait(CODE_RETRY_MS.surelyNot + 500)
    if (!(await showAgain(world, family, form, CODE_RETRY_MS, spent))) return
  }
  world.families.push(family)
}

/** The family is out of the list meanwhile; it comes back if it lives on. */
async function withFamily(world: World, act: (family: Family) => Promise<boolean>): Promise<void> {
  const family = take(world.families)
  if (family && (await act(family))) world.families.push(family)
}

export const renew = (world: World) =>
  withFamily(world, async (family) => {
    const { talk } = world
    const form = { grant_type: 'refresh_token', refresh_token: family.refresh }
    const begunMs = Date.now()
    const livesOn = doubtFamily(family)
    const request = tokenRequestAs(world, family.client, form)
    const { answer, isRepeated } = await talk.insist('renewal', request)
    // It was spent, and its answer lost on the way: the user authorizes once more.
    if (isRepeated && answer.status === 400) return false
    livesOn()
    if (!talk.expect('renewal', answer, 200)) return false
    const { token, refresh } = heldFor(world, 'renewal', answer, family)
    family.tokens.push(token)
    family.spent = { text: family.refresh, atMs: answer.endedMs }
    family.refresh = refresh
    if (Math.random() > SOMETIMES) return true
    // A public client has no retry: whoever shows a spent token may be a thief.
    const retries = isPublic(family.client) ? { surely: 0, surelyNot: -1 } : REFRESH_RETRY_MS
    return showAgain(world, family, form, retries, { begunMs, endedMs: answer.endedMs })
  })

/** A refresh token that was spent long ago. */
export const replay = (world: World) =>
  withFamily(world, async (family) => {
    const { spent } = family
    if (!spent || Date.now() - spent.atMs < REFRESH_RETRY_MS.surelyNot) return true
    const form = { grant_type: 'refresh_token', refresh_token: spent.text }
    const at = { begunMs: 0, endedMs: spent.atMs }
    return showAgain(world, family, form, { ...REFRESH_RETRY_MS, surely: 0 }, at)
  })

export const revokeFamily = (world: World) =>
  withFamily(world, async (family) => {
    doubtFamily(family)
    const url = `${world.service.registry}/revoke`
    const request = requestAs(family.client, url, { token: family.refresh })
    const insisted = await world.talk.insist('revocation, refresh token', request)
    if (!world.talk.expect('revocation, refresh token', insisted.answer, 200)) return false
    familyHasEnded(family, insisted, 'family revoked')
    const last = family.tokens.at(-1)
    if (last) await introspectToken(world, last)
    await refuseRenewal(world, family)
    return false
  })

/** Is it still signed in? */
export async function openAccount(world: World, browser = pick(world.browsers)): Promise<void> {
  if (!browser) return
  const answer = await visit(world, 'account', browser, '/account')
  if (answer.status === 303) world.talk.lost('account', 'a browser session')
  else world.talk.expect('account', answer, 200)
}

/** Is the refresh token that it holds still good? Unless another act has taken the family meanwhile. */
export async function inspectFamily(world: World, family: Family): Promise<void> {
  const { talk, service, clients, families } = world
  const { refresh } = family
  const isAsItWas = () => families.includes(family) && family.refresh === refresh
  if (!isAsItWas()) return
  const request = requestAs(clients.machine, `${service.registry}/introspect`, { token: refresh })
  const answer = await talk.ask('introspection', request)
  if (!answer || !talk.expect('introspection', answer, 200)) return
  const told = JSON.parse(answer.text) as Record<string, unknown>
  if (told.active === true) {
    if (told.client_id !== family.client.id) talk.wrong('introspection', "another's refresh token")
  } else if (isAsItWas()) talk.lost('introspection', 'a refresh token is not active')
}
