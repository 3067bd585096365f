/**
 * Form tokens against forged posts (CSRF). A form token is derived from a secret that only this browser has, in a cookie that
 * no script and no other site can read or set. It is bound to the purpose of the form. Nothing is stored.
 */

import { digest, equalInConstantTime } from '../crypto/digest.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { HttpContext } from './request-context.ts'

export const SIGN_OUT = ['sign_out'] as const

const MARK_LENGTH = 16
const FORM = /^([\w-]{16})\.[\w-]{43}$/

/** A mark that distinguishes the forms of one browser secret from those of another. It reveals nothing about the secret. */
const markOf = async (browserSecret: string) =>
  (await digest(JSON.stringify(['mark', browserSecret]))).slice(0, MARK_LENGTH)

/** `purpose` limits what the form can be used for: its name, and the request that it answers. */
export const formToken = async (browserSecret: string, purpose: readonly unknown[]) =>
  `${await markOf(browserSecret)}.${await digest(JSON.stringify([browserSecret, ...purpose]))}`

const refusal = (detail: string) =>
  new OAuthError('access_denied', 'This form is out of date, or was not sent from our page.', {
    detail,
  })

/** Throws `access_denied` for a post that comes from another site, according to the browser. */
export function refuseForeignPost(c: HttpContext) {
  const site = c.req.header('Sec-Fetch-Site')
  const isOurs = site === undefined || site === 'same-origin' || site === 'none'
  if (!isOurs) throw refusal('posted from another site')
}

/**
 * Null if the form came from a page of the registry, was shown to this browser, and has this purpose. Returns a refusal if
 * the form was made for another secret, for example before another sign-in: such a form must have no effect, and the page may
 * be shown again. Throws `access_denied` for every other form.
 */
export async function whyOutOfDate(
  c: HttpContext,
  presented: string | undefined,
  browserSecret: string | null,
  purpose: readonly unknown[],
): Promise<OAuthError | null> {
  refuseForeignPost(c)
  if (presented === undefined || browserSecret === null) throw refusal('form token missing')
  if (equalInConstantTime(presented, await formToken(browserSecret, purpose))) return null
  const [, mark] = FORM.exec(presented) ?? []
  if (mark === undefined || mark === (await markOf(browserSecret))) {
    throw refusal('form token wrong')
  }
  return refusal('form token of another session')
}
