/** Parts that several pages share. */

import type { Child } from 'hono/jsx'
import type { Branding } from '../domain/branding.ts'
import type { DescribedScope } from '../domain/scope-catalogue.ts'

export const HiddenFields = (p: {
  fields: readonly (readonly [name: string, value: string])[]
}) => (
  <>
    {p.fields.map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
  </>
)

export const SignOutForm = (p: { formToken: string; nextPage: string | null }) => (
  <form class="sign-out" method="post" action="/logout">
    <HiddenFields fields={[['form_token', p.formToken]]} />
    {p.nextPage !== null && <HiddenFields fields={[['next_page', p.nextPage]]} />}
    <button class="plain" type="submit">
      Sign out
    </button>
  </form>
)

export const SignedInAs = (p: { username: string; children?: Child }) => (
  <div class="account">
    <p>
      Signed in as{' '}
      <strong>
        <bdi>{p.username}</bdi>
      </strong>
    </p>
    {p.children}
  </div>
)

/** With the way to reach them, where it is known. */
export const Operator = ({ branding: { links } }: { branding: Branding }) =>
  links.support === null ? <>the operator</> : <a href={links.support}>the operator</a>

export const ScopeName = (p: DescribedScope) => (
  <>
    {p.sentence}
    {p.isSensitive && <strong class="sensitive">Sensitive</strong>}
    <code>{p.scope}</code>
  </>
)

export const ProblemNotice = (p: { text: string | null; id?: string }) =>
  p.text === null ? null : (
    <p class="problem" id={p.id} role="alert">
      {p.text}
    </p>
  )

/** Only http and https, and nothing that poses as another host before an `@`. */
const safeHref = (address: string): string | null => {
  const url = URL.parse(address)
  const safe = url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  return safe ? url.href : null
}

/** A link shows the address as the browser reads it (host in ASCII, the rest percent-encoded): no look-alikes. */
export const WebAddress = (p: { address: string }) => {
  const href = safeHref(p.address)
  return href === null ? (
    <bdi>{p.address}</bdi>
  ) : (
    <a href={href} rel="noopener noreferrer nofollow">
      <bdi>{href}</bdi>
    </a>
  )
}
