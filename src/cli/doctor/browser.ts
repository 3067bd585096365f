/** Acts as the browser of the trial's user on the registry's pages: keeps cookies, signs in and allows what is requested. */

import { Refusal } from '../../local/refusal.ts'
import { ask } from './check.ts'

const MOST_STEPS = 8
const ENTITIES: Readonly<Record<string, string>> = {
  '&quot;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
}

type Field = [name: string, value: string]

const attributeOf = (input: string, name: string) =>
  (new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1] ?? '').replace(
    /&(?:quot|#39|lt|gt|amp);/g,
    (entity) => ENTITIES[entity] ?? entity,
  )

/** The fields that a browser would send with the form of this action; null if the page has no such form. */
function fieldsOf(page: string, action: string): Field[] | null {
  const form = page.split('<form').find((part) => part.includes(`action="${action}"`))
  if (form === undefined) return null
  const inputs = form.split('</form>')[0]?.match(/<input[^>]*>/g) ?? []
  return inputs
    .filter((input) => attributeOf(input, 'type') !== 'checkbox' || /\bchecked\b/.test(input))
    .map((input) => [attributeOf(input, 'name'), attributeOf(input, 'value')])
}

type Credentials = Readonly<{ username: string; password: string }>

export function newBrowser(issuer: string, { username, password }: Credentials) {
  const cookies = new Map<string, string>()

  async function send(url: URL, fields?: readonly Field[]): Promise<Response> {
    const response = await ask(url.href, {
      headers: { Cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
      ...(fields && { method: 'POST', body: new URLSearchParams([...fields]) }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]*)=([^;]*)/.exec(cookie) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return response
  }

  async function answer(url: URL, response: Response): Promise<Response> {
    const page = await response.text()
    const login = fieldsOf(page, '/login')
    if (login && response.status === 200) {
      const typed = { ...Object.fromEntries(login), username, password }
      return send(new URL('/login', issuer), Object.entries(typed))
    }
    const consent = fieldsOf(page, '/authorize')
    if (consent) return send(new URL('/authorize', issuer), [...consent, ['confirm', 'ok']])
    throw new Refusal(`${url.pathname} answered ${response.status}, without a form to go on with`)
  }

  /** Returns the first URL outside the registry: the client's callback, which is not visited. */
  return async function visit(authorizationUrl: string): Promise<URL> {
    let url = new URL(authorizationUrl)
    let response = await send(url)
    for (let step = 0; step < MOST_STEPS; step++) {
      const location = response.headers.get('Location')
      if (location === null) {
        response = await answer(url, response)
        continue
      }
      url = new URL(location, issuer)
      if (url.origin !== issuer) return url
      response = await send(url)
    }
    throw new Refusal('the pages of the registry did not lead to the client')
  }
}
