/** The acts for a user: consent, code redemption, refreshes, and replays of codes and refresh tokens. */

import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { obtainCode, signIn, visit } from './browser.ts'
import type { Insisted } from './conversation.ts'
import { checkToken, heldFor, introspectToken } from './machine-acts.ts'
import { ONE_SESSION_MS, REPAIRED_MS, recordPossibleRevocation, recordRevocation } from './truth.ts'
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

/** The defaults of CODE_RETRY_SECONDS and REFRESH_RETRY_SECONDS, less and more the rounding to whole seconds. */
const CODE_RETRY_MS = { surely: 2000, surelyNot: 3100 }
const REFRESH_RETRY_MS = { surely: 9000, surelyNot: 11_100 }
/** The share of successful requests that a client repeats. */
const REPEATED_SHARE = 0.1
const MOST_BROWSERS = 12

const isPublic = ({ method }: Client) => method === 'none'

export async function newBrowser(world: World): Promise<void> {
  const browser = await signIn(world, pick(world.usernames) ?? '', PASSWORD)
  if (browser) world.browsers.push(browser)
  if (world.browsers.length > MOST_BROWSERS) world.browsers.shift()
}

/** Records that an act that may revoke a family has begun. Returns a function to call if the act did not revoke it. */
function recordPossibleRevocationOf({ tokens }: Family): () => void {
  const undo = tokens.map((token) => recordPossibleRevocation(token, Date.now()))
  return () => {
    for (const one of undo) one()
  }
}

/** An earlier attempt may have revoked the family in D1 and been killed before the write to KV. */
function recordRevocationOf({ tokens }: Family, { answer, isRepeated }: Insisted, by: string) {
  const withinMs = ONE_SESSION_MS + (isRepeated ? REPAIRED_MS : 0)
  for (const token of tokens) recordRevocation(token, answer.endedMs, withinMs, by)
}

/** Sends a code or a refresh token a second time, which must be refused. Returns true if it was a retry, which revokes nothing. */
async function replayToken(
  world: World,
  family: Family,
  form: Record<string, string>,
  retries: Readonly<{ surely: number; surelyNot: number }>,
  spent: Readonly<{ begunMs: number; endedMs: number }>,
): Promise<boolean> {
  const begunMs = Date.now()
  const wasNotRevoked = recordPossibleRevocationOf(family)
  const request = tokenRequestAs(world, family.client, form)
  const insisted = await world.talk.insist('shown again', request)
  const { answer } = insisted
  world.talk.expect('shown again', answer, 400)
  if (answer.endedMs - spent.begunMs < retries.surely) {
    wasNotRevoked()
    return true
  }
  // Between the two limits it may have been a retry or a replay.
  if (begunMs - spent.endedMs <= retries.surelyNot) return false
  recordRevocationOf(family, insisted, `${form.grant_type} shown again`)
  await checkToken(world, family.tokens[0])
  await expectRefusedRefresh(world, family)
  return false
}

async function expectRefusedRefresh(world: World, { client, refresh }: Family) {
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
  if (Math.random() < REPEATED_SHARE) {
    const wrong = { ...form, code_verifier: randomBytes(32).toString('base64url') }
    const { answer } = await talk.insist('wrong verifier', tokenRequestAs(world, client, wrong))
    talk.expect('wrong verifier', answer, 400)
  }
  const begunMs = Date.now()
  const { answer, isRepeated } = await talk.insist('exchange', tokenRequestAs(world, client, form))
  // The response was lost, or D1 was down when the redemption should be undone. The user has to authorize again.
  if (isRepeated && answer.status === 400) return
  if (!talk.expect('exchange', answer, 200)) return
  const who = { client, username: browser.username, scopes }
  const { token, refresh } = heldFor(world, 'exchange', answer, who)
  const family: Family = { ...who, tokens: [token], refresh, spent: null }
  const spent = { begunMs, endedMs: answer.endedMs }
  const chance = Math.random()
  if (chance < 2 * REPEATED_SHARE) {
    if (chance < REPEATED_SHARE) await wait(CODE_RETRY_MS.surelyNot + 500)
    if (!(await replayToken(world, family, form, CODE_RETRY_MS, spent))) return
  }
  world.families.push(family)
}

/** Removes a family from the list during the act, and adds it again if it is still valid. */
async function withFamily(world: World, act: (family: Family) => Promise<boolean>): Promise<void> {
  const family = take(world.families)
  if (family && (await act(family))) world.families.push(family)
}

export const renew = (world: World) =>
  withFamily(world, async (family) => {
    const { talk } = world
    const form = { grant_type: 'refresh_token', refresh_token: family.refresh }
    const begunMs = Date.now()
    const wasNotRevoked = recordPossibleRevocationOf(family)
    const request = tokenRequestAs(world, family.client, form)
    const { answer, isRepeated } = await talk.insist('renewal', request)
    // The token was redeemed, but the response was lost. The user has to authorize again.
    if (isRepeated && answer.status === 400) return false
    wasNotRevoked()
    if (!talk.expect('renewal', answer, 200)) return false
    const { token, refresh } = heldFor(world, 'renewal', answer, family)
    family.tokens.push(token)
    family.spent = { text: family.refresh, atMs: answer.endedMs }
    family.refresh = refresh
    if (Math.random() > REPEATED_SHARE) return true
    // A public client has no retry, because a thief may be the one who sends a redeemed token.
    const retries = isPublic(family.client) ? { surely: 0, surelyNot: -1 } : REFRESH_RETRY_MS
    return replayToken(world, family, form, retries, { begunMs, endedMs: answer.endedMs })
  })

/** Replays a refresh token that was redeemed long ago. */
export const replay = (world: World) =>
  withFamily(world, async (family) => {
    const { spent } = family
    if (!spent || Date.now() - spent.atMs < REFRESH_RETRY_MS.surelyNot) return true
    const form = { grant_type: 'refresh_token', refresh_token: spent.text }
    const at = { begunMs: 0, endedMs: spent.atMs }
    return replayToken(world, family, form, { ...REFRESH_RETRY_MS, surely: 0 }, at)
  })

export const revokeFamily = (world: World) =>
  withFamily(world, async (family) => {
    recordPossibleRevocationOf(family)
    const url = `${world.service.registry}/revoke`
    const request = requestAs(family.client, url, { token: family.refresh })
    const insisted = await world.talk.insist('revocation, refresh token', request)
    if (!world.talk.expect('revocation, refresh token', insisted.answer, 200)) return false
    recordRevocationOf(family, insisted, 'family revoked')
    const last = family.tokens.at(-1)
    if (last) await introspectToken(world, last)
    await expectRefusedRefresh(world, family)
    return false
  })

/** Checks that a browser is still signed in. */
export async function openAccount(world: World, browser = pick(world.browsers)): Promise<void> {
  if (!browser) return
  const answer = await visit(world, 'account', browser, '/account')
  if (answer.status === 303) world.talk.lost('account', 'a browser session')
  else world.talk.expect('account', answer, 200)
}

/** Checks that the refresh token of a family is valid, unless another act uses the family at the same time. */
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
