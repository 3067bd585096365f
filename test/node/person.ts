/** A user without a browser, who follows redirects, stores cookies, signs in and answers the consent page. */

import { sessionCookieName } from '../../src/protocol/session-cookie.ts'
import { fieldsOf, type Pair } from './forms.ts'
import type { RunningRegistry } from './running-registry.ts'

/** The scopes to tick: all, none, or only this one. */
export type Decision = 'allow' | 'cancel' | Readonly<{ only: string }>

export type Person = Readonly<{
  /** Returns the first URL outside the registry: the client's callback with the response. */
  visit: (authorizationUrl: string, decision?: Decision) => Promise<URL>
  /** Returns the session cookie as in a `Cookie` header. */
  signIn: () => Promise<string>
}>

const MOST_STEPS = 8

function fillIn(fields: Pair[], decision: Decision): Pair[] {
  if (decision === 'cancel') return [...fields, ['confirm', 'cancel']]
  const kept = fields.filter(
    ([name, value]) => name !== 'grant' || decision === 'allow' || value === decision.only,
  )
  return [...kept, ['confirm', 'ok']]
}

export function demoUser({ registry, demo }: RunningRegistry): Person {
  const cookies = new Map<string, string>()

  async function send(url: URL, fields?: Pair[]): Promise<Response> {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { Cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
      ...(fields && { method: 'POST', body: new URLSearchParams(fields) }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=')
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  async function answer(page: string, decision: Decision): Promise<Response> {
    const login = fieldsOf(page, '/login')
    if (login) {
      const typed = { username: demo.username, password: demo.password }
      const fields = Object.entries({ ...Object.fromEntries(login), ...typed })
      return send(new URL('/login', registry), fields)
    }
    const consent = fieldsOf(page, '/authorize')
    if (consent) return send(new URL('/authorize', registry), fillIn(consent, decision))
    throw new Error(`a page without a form that a user could answer:\n${page}`)
  }

  return {
    async signIn() {
      const page = await send(new URL('/login', registry))
      await answer(await page.text(), 'allow')
      const name = sessionCookieName(registry)
      const value = cookies.get(name)
      if (value === undefined) throw new Error('no session after signing in')
      return `${name}=${value}`
    },
    async visit(authorizationUrl, decision = 'allow') {
      let url = new URL(authorizationUrl)
      let response = await send(url)
      for (let step = 0; step < MOST_STEPS; step++) {
        const location = response.headers.get('Location')
        if (location === null) {
          response = await answer(await response.text(), decision)
          continue
        }
        url = new URL(location, registry)
        if (url.origin !== registry) return url
        response = await send(url)
      }
      throw new Error(`the registry leads nowhere: ${url}`)
    },
  }
}
