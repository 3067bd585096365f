/** Parts that several pages share. */

import type { Child } from 'hono/jsx'
import type { Branding } from '../domain/branding.ts'
import type { DescribedScope } from '../domain/scope-catalogue.ts'
import { type Choice, choicesOf } from '../domain/scope-choices.ts'

export type Hidden = readonly (readonly [name: string, value: string])[]

export const HiddenFields = (p: { fields: Hidden }) => (
  <>
    {p.fields.map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
  </>
)

export type FormHead = Readonly<{ action: string; hidden: Hidden }>

export const PostForm = (p: FormHead & Readonly<{ class?: string; children: Child }>) => (
  <form method="post" action={p.action} class={p.class}>
    <HiddenFields fields={p.hidden} />
    {p.children}
  </form>
)

/** The only button of a form. `isMinor`: the button is not what visitors open the page for. */
export const Submit = (p: { isMinor?: boolean; children: Child }) => (
  <div class="actions">
    <button class={p.isMinor ? undefined : 'primary'} type="submit">
      {p.children}
    </button>
  </div>
)

export const Row = (p: { term: Child; children: Child }) => (
  <>
    <dt>{p.term}</dt>
    <dd>{p.children}</dd>
  </>
)

/** A mark beside a name or a sentence, after a space. `kind`: the class that colours the mark. */
export const Mark = (p: { kind?: string; children: Child }) => (
  <>
    {' '}
    <strong class={p.kind === undefined ? 'mark' : `mark ${p.kind}`}>{p.children}</strong>
  </>
)

export const SignOutForm = (p: { formToken: string; nextPage: string | null }) => (
  <PostForm action="/logout" class="sign-out" hidden={[['form_token', p.formToken]]}>
    {p.nextPage !== null && <HiddenFields fields={[['next_page', p.nextPage]]} />}
    <button class="plain" type="submit">
      Sign out
    </button>
  </PostForm>
)

const PLACES = [
  ['/account', 'Connected applications'],
  ['/clients', 'Your clients'],
  ['/approvals', 'Approvals'],
] as const
export type Place = (typeof PLACES)[number][0]

export const Navigation = (p: { current: Place | null; mayApprove?: boolean }) => (
  <nav class="places" aria-label="Your pages">
    {PLACES.filter(([path]) => path !== '/approvals' || p.mayApprove).map(([path, name]) => (
      <a href={path} aria-current={p.current === path ? 'page' : undefined}>
        {name}
      </a>
    ))}
  </nav>
)

/** Links to other pages of a list. A link without an address is left out. If no link is left, nothing is shown. */
export const PageLinks = (p: {
  label: string
  links: readonly (readonly [text: string, address: string | null])[]
}) => {
  const shown = p.links.flatMap(([text, href]) =>
    href === null ? [] : [<a href={href}>{text}</a>],
  )
  return shown.length === 0 ? null : (
    <nav class="pages" aria-label={p.label}>
      {shown}
    </nav>
  )
}

/** A name that somebody chose. It does not change the direction of the text around it. */
export const Name = ({ children }: { children: Child }) => (
  <strong>
    <bdi>{children}</bdi>
  </strong>
)

/** A text that a person wrote, as a quotation. An empty text shows nothing. */
export const Quotation = ({ text }: { text: string }) =>
  text === '' ? null : (
    <blockquote dir="auto">
      <p>{text}</p>
    </blockquote>
  )

export const SignedInAs = (p: { username: string; children?: Child }) => (
  <div class="account">
    <p>
      Signed in as <Name>{p.username}</Name>
    </p>
    {p.children}
  </div>
)

/** Shows the day in UTC. The `datetime` attribute contains the moment. */
export const Day = (p: { at: number }) => {
  const moment = new Date(p.at * 1000).toISOString()
  return <time datetime={moment}>{moment.slice(0, 10)}</time>
}

/** Shows the minute in UTC, or the second. */
export const Moment = (p: { at: number; hasSeconds?: boolean }) => {
  const moment = new Date(p.at * 1000).toISOString()
  const time = moment.slice(11, p.hasSeconds ? 19 : 16)
  return <time datetime={moment}>{`${moment.slice(0, 10)} ${time} UTC`}</time>
}

/** The operator, with a link for contact if there is one. */
export const Operator = ({ branding: { links } }: { branding: Branding }) =>
  links.support === null ? <>the operator</> : <a href={links.support}>the operator</a>

/** The sentence of the choice, its marks, and the names of its scopes. */
export const ChoiceName = ({ choice, isNew }: { choice: Choice; isNew: boolean }) => (
  <>
    {choice.sentence}
    {choice.isSensitive && <Mark kind="sensitive">Sensitive</Mark>}
    {isNew && <Mark>New</Mark>}
    {choice.scopes.map((scope) => (
      <code>{scope}</code>
    ))}
  </>
)

const IS_ADDRESS = /^[\d.:[\]]+$/

/** The number of characters that fit on a line in a window of 320 pixels. */
const FITS_ON_A_LINE = 24

/** The last two labels are not broken across lines: a part that stands alone could be mistaken for another host. */
export const HostName = ({ host }: { host: string }) => {
  const labels = host.split('.')
  const from = IS_ADDRESS.test(host) ? 0 : Math.max(0, labels.length - 2)
  const kept = labels.slice(from).join('.')
  return (
    <>
      {labels.slice(0, from).map((label) => `${label}.`)}
      <span class={kept.length <= FITS_ON_A_LINE ? 'keep' : 'keep long'}>{kept}</span>
    </>
  )
}

export const ProblemNotice = (p: { text: string | null; id?: string }) =>
  p.text === null ? null : (
    <p class="problem" id={p.id} role="alert">
      {p.text}
    </p>
  )

/** Only http and https, and only addresses without a part before an `@`, which could look like another host. */
const safeUrl = (address: string): URL | null => {
  const url = URL.parse(address)
  const safe = url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  return safe ? url : null
}

const Link = (p: { to: URL; children: Child }) => (
  <a href={p.to.href} rel="noopener noreferrer nofollow">
    <bdi>{p.children}</bdi>
  </a>
)

/** Shows the address as the browser reads it (host in ASCII, the rest percent-encoded), so that no look-alike is shown. */
export const WebAddress = (p: { address: string }) => {
  const url = safeUrl(p.address)
  if (url === null) return <bdi>{p.address}</bdi>
  return (
    <Link to={url}>
      {`${url.protocol}//`}
      <HostName host={url.host} />
      {url.href.slice(url.origin.length)}
    </Link>
  )
}

/** The host as the browser reads it, with a link to the page. Nothing is shown for an address that is not safe. */
export const HostLink = (p: { address: string }) => {
  const url = safeUrl(p.address)
  return url === null ? null : (
    <Link to={url}>
      <HostName host={url.host} />
    </Link>
  )
}

/** List items for what is allowed already. The text of an endorsement is its sentence. */
export const PermissionItems = (p: {
  scopes: readonly DescribedScope[]
  endorsements: readonly string[]
}) => (
  <>
    {choicesOf(p.scopes).map((one) => (
      <li>
        <ChoiceName choice={one} isNew={false} />
      </li>
    ))}
    {p.endorsements.map((sentence) => (
      <li>{sentence}</li>
    ))}
  </>
)
