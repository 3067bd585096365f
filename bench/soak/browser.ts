/** Browsers, which sign in and answer the consent page with the forms of the pages. */

import { fieldsOf } from '../../test/node/forms.ts'
import type { Answer, Conversation, Pairs } from './conversation.ts'
import type { Service } from './service.ts'

/** The browser of a user who has signed in. */
export type Browser = Readonly<{ username: string; cookies: Map<string, string> }>

export async function visit(
  { talk, service }: Readonly<{ talk: Conversation; service: Service }>,
  kind: string,
  { cookies }: Pick<Browser, 'cookies'>,
  path: string,
  form?: Pairs,
): Promise<Answer> {
  const headers = { Cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
  const url = new URL(path, service.registry).href
  const { answer } = await talk.insist(kind, { url, headers, ...(form && { form }) })
  for (const cookie of answer.headers.getSetCookie()) {
    const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=')
    if (value === '') cookies.delete(name)
    else cookies.set(name, value)
  }
  return answer
}

/** Returns null and reports a wrong response if the sign-in is refused. */
export async function signIn(
  world: Readonly<{ talk: Conversation; service: Service }>,
  username: string,
  password: string,
): Promise<Browser | null> {
  const browser = { username, cookies: new Map<string, string>() }
  const page = await visit(world, 'sign-in page', browser, '/login')
  const shown = Object.fromEntries(fieldsOf(page.text, '/login') ?? [])
  const answer = await visit(world, 'sign-in', browser, '/login', { ...shown, username, password })
  return world.talk.expect('sign-in', answer, 303) ? browser : null
}

/**
 * Returns the code, and whether the consent was remembered; otherwise the code has only the scopes in `ticked`. Returns
 * null and reports a wrong response if there is no code.
 */
export async function obtainCode(
  world: Readonly<{ talk: Conversation; service: Service }>,
  browser: Browser,
  asked: Readonly<Record<string, string>>,
  ticked: readonly string[],
): Promise<Readonly<{ code: string; isRemembered: boolean }> | null> {
  const { talk } = world
  let answer = await visit(world, 'authorize', browser, `/authorize?${new URLSearchParams(asked)}`)
  const isRemembered = answer.status === 303
  if (answer.status === 200) {
    const shown = fieldsOf(answer.text, '/authorize') ?? []
    const kept = shown.filter(([name, value]) => name !== 'grant' || ticked.includes(value))
    answer = await visit(world, 'consent', browser, '/authorize', [...kept, ['confirm', 'ok']])
  }
  if (!talk.expect('authorize', answer, 303)) return null
  const to = new URL(answer.headers.get('Location') ?? '', world.service.registry)
  if (to.pathname === '/login') {
    talk.lost('authorize', 'a browser session')
    return null
  }
  const { code, state, iss } = Object.fromEntries(to.searchParams)
  if (code && state === asked.state && iss === world.service.registry) return { code, isRemembered }
  talk.wrong('authorize', `no code, or state or iss are others (${to.searchParams.get('error')})`)
  return null
}
