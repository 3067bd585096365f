/** The pages with sample props, and how a test reads them. */

import type { Child } from 'hono/jsx'
import { AccountPage, type AccountPageProps } from '../../src/pages/account-page.tsx'
import { ConsentPage, type ConsentPageProps } from '../../src/pages/consent-page.tsx'
import { ErrorPage } from '../../src/pages/error-page.tsx'
import { ExplanationIndexPage, ExplanationPage } from '../../src/pages/explanation-page.tsx'
import { LandingPage } from '../../src/pages/landing-page.tsx'
import { LoginPage, type LoginPageProps } from '../../src/pages/login-page.tsx'

export type Tag = Readonly<{ name: string; attributes: Readonly<Record<string, string>> }>

/** Opening tags, as a browser finds them in text whose quotes are escaped. Attribute values stay escaped. */
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
export const inputs = (html: string, name: string) =>
  named(html, 'input').filter(({ attributes }) => attributes.name === name)

export const html = (page: Child) => String(page)

export const HOSTILE = `</title></textarea>"'><script>alert(1)</script><img src=x onerror=alert(1)>\u202e`

export const login = (over: Partial<LoginPageProps> = {}) =>
  html(
    <LoginPage
      {...{ formToken: 'form-1', nextPage: '/authorize?a=1&b=2', clientName: null }}
      {...{ username: '', problem: null, ...over }}
    />,
  )

export const CLIENT: ConsentPageProps['client'] = {
  name: 'Paper Assistant',
  url: 'https://papers.example/about',
  description: 'Prepares submissions.',
  ownerId: '1042',
}
export const consent = (over: Partial<ConsentPageProps> = {}) =>
  html(
    <ConsentPage
      {...{ client: CLIENT, username: 'ada', returnsTo: 'https://papers.example' }}
      {...{ formToken: 'form-1', signOutToken: 'out-1', thisPage: '/authorize?a=1&b=2' }}
      scopes={[
        { scope: 'profile:read', sentence: 'Read your profile' },
        { scope: 'submission:create', sentence: 'Start new submissions' },
      ]}
      endorsements={['Submit in every category of Computer Science']}
      request={[
        ['client_id', 'c1'],
        ['state', '"><b>&'],
      ]}
      {...over}
    />,
  )
export const APPLICATION: AccountPageProps['applications'][number] = {
  clientId: 'c1',
  name: 'Paper Assistant',
  url: 'https://papers.example/about',
  isEnabled: true,
  scopes: [{ scope: 'profile:read', sentence: 'Read your profile' }],
  endorsements: ['Submit in every category of Computer Science'],
  grantedAt: 1_767_225_600,
  usedAt: 1_767_312_000,
  formToken: 'form-1',
}
export const withUrl = (url: string) => consent({ client: { ...CLIENT, url } })

export const landing = (username: string | null) =>
  html(
    <LandingPage
      {...{ issuer: 'https://registry.example', username }}
      signOutToken={username === null ? null : 'out-1'}
    />,
  )
export const error = (text: string) =>
  html(
    <ErrorPage
      {...{ title: text, message: text, hint: text, reference: text }}
      explanation="/errors/x"
    />,
  )
export const account = (over: Partial<AccountPageProps> = {}) =>
  html(
    <AccountPage
      {...{ username: 'ada', signOutToken: 'out-1', removed: null }}
      applications={[APPLICATION, { ...APPLICATION, clientId: 'c2', usedAt: null }]}
      {...over}
    />,
  )
export const explanation = html(
  <ExplanationPage
    {...{ code: 'invalid_grant', status: 400, meaning: 'It is not good.', remedy: 'Ask anew.' }}
    causes={['It was used.', 'It has expired.']}
  />,
)
export const explanationIndex = html(
  <ExplanationIndexPage codes={[{ code: 'invalid_grant', meaning: 'It is not good.' }]} />,
)
