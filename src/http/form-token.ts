/**
 * Form tokens against forged posts (CSRF): derived from a secret that only this browser has, in a cookie that
 * no script and no other site can read or set, and bound to what the form is for. Nothing is stored.
 */

import type { Context } from 'hono'
import { digest, equalInConstantTime } from '../crypto/digest.ts'
import { OAuthError } from '../protocol/errors.ts'

/** `purpose` is whatever the form must not be used beyond: its name, and the request it answers. */
export const formToken = (browserSecret: string, purpose: readonly unknown[]) =>
  digest(JSON.stringify([browserSecret, ...purpose]))

/** Throws `access_denied` unless the form came from a page of ours, shown to this browser, for this purpose. */
export async function checkFormToken(
  c: Context,
  presented: string | undefined,
  browserSecret: string | null,
  purpose: readonly unknown[],
): Promise<void> {
  const site = c.req.header('Sec-Fetch-Site')
  const isOurs = site === undefined || site === 'same-origin' || site === 'none'
  const isGood =
    isOurs &&
    presented !== undefined &&
    browserSecret !== null &&
    equalInConstantTime(presented, await formToken(browserSecret, purpose))
  if (isGood) return
  throw new OAuthError(
    'access_denied',
    'This form is out of date, or was not sent from our page.',
    {
      detail: isOurs ? 'form token missing or wrong' : 'posted from another site',
    },
  )
}
