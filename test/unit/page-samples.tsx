/** The pages with sample props, and a reader for their markup. */

import type { Child } from 'hono/jsx'
import { type Branding, DEFAULT_BRANDING } from '../../src/domain/branding.ts'
import type { ConsentTerms } from '../../src/domain/consent.ts'
import { AccountPage, type AccountPageProps } from '../../src/pages/account-page.tsx'
import { ConsentPage, type ConsentPageProps } from '../../src/pages/consent-page.tsx'
import { ErrorPage, ExplanationIndexPage, ExplanationPage } from '../../src/pages/error-page.tsx'
import {
  InvitationPage,
  type InvitationPageProps,
  PasswordSetPage,
} from '../../src/pages/invitation-page.tsx'
import { LandingPage } from '../../src/pages/landing-page.tsx'
import { LoginPage, type LoginPageProps } from '../../src/pages/login-page.tsx'

export type Tag = Readonly<{ name: string; attributes: Readonly<Record<string, string>> }>

/** The opening tags in markup whose quotes are escaped. Attribute values stay escaped. */
export const tagsOf = (html: string): Tag[] =>
  [...html.matchAll(/<([a-z][^\s/>]*)((?:"[^"]*"|[^">])*)>/gi)].map(([, name = '', rest = '']) => ({
    name: name.toLowerCase(),
    attributes: Object.fromEntries(
      [...rest.matchAll(/([^\s=/"]+)(?:="([^"]*)")?/g)].map(([, key = '', value = '']) => [
        key.toLowerCase(),
        value,
      ]),
    ),
  }))

export const named = (html: string, tag: string) => tagsOf(html).filter(({ name }) => name === tag)
/** The links of a page, except the one in its header to the start page. */
export const linksIn = (html: string) =>
  named(html, 'a').filter(({ attributes }) => attributes.class !== 'brand')
export const inputs = (html: string, name: string) =>
  named(html, 'input').filter(({ attributes }) => attributes.name === name)

/** The markup of a page that the content security policy would block. */
export const offences = (html: string) =>
  tagsOf(html)
    .filter(
      ({ name, attributes }) =>
        ['script', 'style', 'base', 'iframe', 'object', 'embed'].includes(name) ||
        (name === 'img' && attributes.class !== 'logo') ||
        Object.entries(attributes).some(
          ([key, value]) =>
            key === 'style' || key.startsWith('on') || /^\s*(javascript|data):/i.test(value),
        ),
    )
    .map(({ name }) => name)

export const html = (page: Child) => String(page)

export const HOSTILE = `</title></textarea>"'><script>alert(1)</script><img src=x onerror=alert(1)>\u202e`

const branding = DEFAULT_BRANDING
export const BRANDED: Branding = {
  serviceName: 'Example <Archive>',
  logo: { url: 'https://static.example/logo.png' },
  accent: { light: '#7a1f3d', dark: '#ffb3c7' },
  links: {
    terms: 'https://www.example/terms',
    privacy: 'https://www.example/privacy',
    support: 'mailto:help@example.org',
    forgotPassword: 'https://www.example/reset',
  },
}

export const login = (over: Partial<LoginPageProps> = {}) =>
  html(
    <LoginPage
      {...{ branding, formToken: 'form-1', nextPage: '/authorize?a=1&b=2', client: null }}
      {...{ username: '', problem: null, ...over }}
    />,
  )

export const invitation = (over: Partial<InvitationPageProps> = {}) =>
  html(
    <InvitationPage
      {...{ branding, formToken: 'form-1', invitation: '', problem: null, ...over }}
    />,
  )
export const passwordSet = (username: string) =>
  html(<PasswordSetPage branding={branding} username={username} />)

export const CLIENT: ConsentTerms['client'] = {
  clientId: 'c1',
  name: 'Paper Assistant',
  url: 'https://papers.example/about',
  description: 'Prepares submissions.',
  ownerId: '1042',
  ownerName: 'grace',
  redirectUris: ['https://papers.example/callback'],
  ...{
    logoUri: '',
    tosUri: '',
    policyUri: '',
    selfRegistered: null,
    verifiedHost: null,
    keys: null,
  },
}
/** Registered by its document. */
export const DOCUMENT_CLIENT: ConsentTerms['client'] = {
  ...CLIENT,
  clientId: 'https://apps.notes.example/clients/desktop.json',
  ...{ ownerId: '', ownerName: null, description: '' },
  ...{ selfRegistered: 'document', verifiedHost: 'apps.notes.example' },
}
/** Registered by a request (RFC 7591). */
export const DYNAMIC_CLIENT: ConsentTerms['client'] = {
  ...CLIENT,
  ...{ ownerId: '', ownerName: null, description: '', selfRegistered: 'registration' },
}
export const TERMS: ConsentTerms = {
  client: CLIENT,
  returnsTo: 'www.papers.example',
  mayRefresh: true,
  scopes: [
    { scope: 'profile:read', sentence: 'Read your profile', isSensitive: false },
    { scope: 'submission:create', sentence: 'Start new submissions', isSensitive: false },
  ],
  endorsements: [{ endorsement: 'cs.*', sentence: 'Submit in every category of Computer Science' }],
  resources: [{ uri: 'https://mcp.papers.example', name: 'Paper tools' }],
}
export const consent = (terms: Partial<ConsentTerms> = {}, over: Partial<ConsentPageProps> = {}) =>
  html(
    <ConsentPage
      {...{ branding, terms: { ...TERMS, ...terms }, allowed: [], notice: null, username: 'ada' }}
      {...{
        lastTime: null,
        redirectKind: 'site',
        canBeImpersonated: false,
        accessSeconds: 7200,
        logoPath: null,
      }}
      {...{ signOutToken: 'out-1', thisPage: '/authorize?a=1&b=2' }}
      hidden={[
        ['client_id', 'c1'],
        ['state', '"><b>&'],
        ['form_token', 'form-1'],
      ]}
      {...over}
    />,
  )
export const APPLICATION: AccountPageProps['applications'][number] = {
  clientId: 'c1',
  name: 'Paper Assistant',
  url: 'https://papers.example/about',
  ...{ selfRegistered: null, logo: null },
  isEnabled: true,
  scopes: [{ scope: 'profile:read', sentence: 'Read your profile', isSensitive: false }],
  endorsements: ['Submit in every category of Computer Science'],
  grantedAt: 1_767_225_600,
  usedAt: 1_767_312_000,
  formToken: 'form-1',
}
export const withUrl = (url: string) => consent({ client: { ...CLIENT, url } })

export const landing = (username: string | null) =>
  html(
    <LandingPage
      branding={branding}
      issuer="https://registry.example"
      signedIn={username === null ? null : { username, signOutToken: 'out-1' }}
      hasPortal
      hasDirectory
    />,
  )
export const error = (text: string) =>
  html(
    <ErrorPage
      branding={branding}
      {...{ title: text, message: text, hint: text, reference: text }}
      explanation="/errors/x"
    />,
  )
export const account = (over: Partial<AccountPageProps> = {}) =>
  html(
    <AccountPage
      {...{ branding, username: 'ada', signOutToken: 'out-1', removed: null, problem: null }}
      applications={[APPLICATION, { ...APPLICATION, clientId: 'c2', usedAt: null }]}
      hasPortal
      mayApprove={false}
      {...over}
    />,
  )
export const explanation = html(
  <ExplanationPage
    branding={branding}
    {...{ code: 'invalid_grant', status: 400, meaning: 'It is not good.', remedy: 'Ask again.' }}
    causes={['It was used.', 'It has expired.']}
  />,
)
export const explanationIndex = html(
  <ExplanationIndexPage
    branding={branding}
    codes={[{ code: 'invalid_grant', meaning: 'It is not good.' }]}
  />,
)
