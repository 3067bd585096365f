/** The pages: their content, the markup that they must not contain, and that a client's words never become markup. */

import { describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { DEFAULT_BRANDING } from '../../src/domain/branding.ts'
import { ErrorPage } from '../../src/pages/error-page.tsx'
import { INVITATION_SCRIPT, INVITATION_SCRIPT_DIGEST } from '../../src/pages/invitation-page.tsx'
import {
  APPLICATION,
  account,
  CLIENT,
  consent,
  error,
  explanation,
  explanationIndex,
  HOSTILE,
  html,
  inputs,
  invitation,
  landing,
  linksIn,
  login,
  named,
  offences,
  passwordSet,
  tagsOf,
} from './page-samples.tsx'

/** The only script of any page. The policy of its page has its digest. */
const withoutOwnScript = (page: string) => page.replace(`<script>${INVITATION_SCRIPT}</script>`, '')

const PAGES: Readonly<Record<string, string>> = {
  login: login(),
  'login, hostile': login({
    ...{ client: { name: HOSTILE, isSelfNamed: true }, username: HOSTILE, problem: HOSTILE },
    ...{ nextPage: HOSTILE, formToken: HOSTILE },
  }),
  consent: consent(),
  'consent, hostile': consent(
    {
      client: { ...CLIENT, name: HOSTILE, url: HOSTILE, description: HOSTILE, ownerName: HOSTILE },
      ...{ returnsTo: HOSTILE, endorsements: [{ endorsement: HOSTILE, sentence: HOSTILE }] },
      scopes: [{ scope: HOSTILE, sentence: HOSTILE, isSensitive: true }],
    },
    { notice: HOSTILE, username: HOSTILE, thisPage: HOSTILE, hidden: [[HOSTILE, HOSTILE]] },
  ),
  account: account(),
  'account, nothing': account({ applications: [] }),
  'account, hostile': account({
    username: HOSTILE,
    signOutToken: HOSTILE,
    removed: { name: HOSTILE, withinSeconds: 70 },
    problem: HOSTILE,
    applications: [
      {
        ...{ ...APPLICATION, clientId: HOSTILE, name: HOSTILE, url: HOSTILE, formToken: HOSTILE },
        ...{
          endorsements: [HOSTILE],
          scopes: [{ scope: HOSTILE, sentence: HOSTILE, isSensitive: true }],
        },
      },
    ],
  }),
  error: error('Not found'),
  'error, hostile': error(HOSTILE),
  explanation,
  'explanation index': explanationIndex,
  invitation: withoutOwnScript(invitation()),
  'invitation, hostile': withoutOwnScript(
    invitation({ invitation: HOSTILE, problem: HOSTILE, formToken: HOSTILE }),
  ),
  'password set, hostile': passwordSet(HOSTILE),
  landing: landing(null),
  'landing, signed in, hostile': landing(HOSTILE),
}

describe('all pages', () => {
  it.each(Object.entries(PAGES))(
    'the page %s has no script, inline style or event handler',
    (_, page) => {
      expect(offences(page)).toEqual([])
    },
  )

  it.each([
    '<script src="/x.js">',
    '<img src="https://tracker.example/x.png">',
    '<p style="color:red">',
    '<b onclick="x()">',
    '<a href="javascript:alert(1)">',
    `<p title="${HOSTILE}">`,
  ])('control: the markup %s is found', (markup) => {
    expect(offences(markup)).not.toEqual([])
  })

  it.each(Object.entries(PAGES))(
    'the page %s is a whole document in standards mode with one h1',
    (_, page) => {
      expect(page).toMatch(/^<!doctype html><html lang="en">/)
      expect(page.match(/<!doctype/gi)).toHaveLength(1)
      expect(page).toMatch(/<\/html>$/)
      expect(named(page, 'h1')).toHaveLength(1)
      expect(named(page, 'link').map(({ attributes }) => attributes.href)).toEqual([
        '/icon.svg',
        '/style.css',
      ])
      expect(named(page, 'meta').map(({ attributes }) => attributes.name ?? 'charset')).toEqual([
        ...['charset', 'viewport', 'color-scheme', 'robots'],
      ])
    },
  )

  it.each(Object.entries(PAGES))('the page %s has a label for every input', (_, page) => {
    const filled = named(page, 'input').filter(({ attributes }) => attributes.type !== 'hidden')
    const labelled = [...page.matchAll(/<label[^>]*>.*?<\/label>/gs)].flatMap(([label]) =>
      /[^\s<>](?=<\/|<code)/.test(label) ? named(label, 'input') : [],
    )
    expect(labelled).toEqual(filled)
  })

  it.each(Object.entries(PAGES))(
    'the page %s uses no id twice and refers to no missing id',
    (_, page) => {
      const ids = tagsOf(page).flatMap(({ attributes }) => attributes.id ?? [])
      const wanted = tagsOf(page).flatMap(({ attributes }) => attributes['aria-describedby'] ?? [])
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids).toEqual(expect.arrayContaining(wanted))
    },
  )
})

describe('the invitation page', () => {
  it('the policy of the invitation page has the digest of its only script', async () => {
    expect(named(invitation(), 'script')).toHaveLength(1)
    expect(invitation()).toContain(`<script>${INVITATION_SCRIPT}</script>`)
    const base64 = INVITATION_SCRIPT_DIGEST.replaceAll('+', '-').replaceAll('/', '_')
    expect(base64).toBe(`${await digest(INVITATION_SCRIPT)}=`)
  })

  it('the invitation page asks for the link only if the form does not contain it yet', () => {
    expect(inputs(invitation(), 'invitation')[0]?.attributes.type).toBe('text')
    const again = inputs(invitation({ invitation: 'regi_x' }), 'invitation')[0]?.attributes
    expect(again).toMatchObject({ type: 'hidden', value: 'regi_x' })
  })
})

describe('the login page', () => {
  it('the login page posts the name, the password, the next page and the form token', () => {
    const page = login()
    expect(named(page, 'form')[0]?.attributes).toMatchObject({ method: 'post', action: '/login' })
    expect(inputs(page, 'username')[0]?.attributes).toMatchObject({ autocomplete: 'username' })
    expect(inputs(page, 'password')[0]?.attributes).toMatchObject({
      ...{ type: 'password', autocomplete: 'current-password' },
    })
    expect(inputs(page, 'next_page')[0]?.attributes.value).toBe('/authorize?a=1&amp;b=2')
    expect(inputs(page, 'form_token')[0]?.attributes.value).toBe('form-1')
  })

  it('the login page names the client when there is one', () => {
    expect(login({ client: { name: 'Paper Assistant', isSelfNamed: false } })).toContain(
      'to continue to',
    )
    expect(login({ client: { name: 'Paper Assistant', isSelfNamed: false } })).toContain(
      '<bdi>Paper Assistant</bdi>',
    )
    expect(login()).not.toContain('to continue to')
  })

  it('the login page puts the focus on the first empty field', () => {
    const focused = (page: string) =>
      tagsOf(page).flatMap(({ attributes }) => ('autofocus' in attributes ? attributes.name : []))
    expect(focused(login())).toEqual(['username'])
    expect(focused(login({ username: 'ada' }))).toEqual(['password'])
  })

  it('the login page announces a problem, links it to the password field, and never repeats the password', () => {
    const page = login({ username: 'ada', problem: 'Not right.' })
    const alert = tagsOf(page).find(({ attributes }) => attributes.role === 'alert')
    const password = inputs(page, 'password')[0]?.attributes
    expect(password).toMatchObject({ 'aria-invalid': 'true' })
    expect(password?.['aria-describedby']).toBe(alert?.attributes.id)
    expect(password).not.toHaveProperty('value')
    expect(page).toContain('Not right.')
    expect(inputs(page, 'username')[0]?.attributes.value).toBe('ada')
  })

  it('control: the login page without a problem marks no field', () => {
    expect(login()).not.toMatch(/role="alert"|aria-invalid|aria-describedby/)
  })
})

describe('the page of connected applications', () => {
  it('the page of connected applications shows each application, its permissions, its first consent and its last use', () => {
    const page = account()
    expect(page).toContain('<bdi>Paper Assistant</bdi>')
    expect(page).toContain('href="https://papers.example/about"')
    expect(page).toContain('Read your profile<code>profile:read</code>')
    expect(page).toContain('Submit in every category of Computer Science')
    expect(page).toContain('<time datetime="2026-01-01T00:00:00.000Z">2026-01-01</time>')
    expect(page).toContain('last used <time datetime="2026-01-02T00:00:00.000Z">2026-01-02</time>')
    expect(page).toContain('not used yet')
  })

  it('the page of connected applications has a form for each application with its id and a form token', () => {
    const forms = named(account(), 'form').map(({ attributes }) => attributes)
    const posts = { method: 'post', action: '/account' }
    expect(forms).toMatchObject([posts, posts, { action: '/logout' }])
    const ids = inputs(account(), 'client_id').map(({ attributes }) => attributes.value)
    expect(ids).toEqual(['c1', 'c2'])
  })

  it('the page of connected applications says if there is no application, and if an application has no permission', () => {
    expect(account({ applications: [] })).toContain('No application has access')
    const off = { ...APPLICATION, isEnabled: false }
    expect(account({ applications: [off] })).toContain('has disabled it')
    expect(account({ applications: [off] })).not.toContain('profile:read')
    const bare = { ...APPLICATION, scopes: [] }
    expect(account({ applications: [bare] })).toContain('It no longer has any access.')
  })

  it('the page of connected applications confirms a removal with the time until it takes effect everywhere', () => {
    const page = account({ removed: { name: 'Old one', withinSeconds: 70 } })
    expect(page).toMatch(/role="status".*<bdi>Old one<\/bdi>.*within 70 seconds/s)
    expect(account()).not.toContain('role="status"')
  })
})

describe('the other pages', () => {
  it('an error page says what happened and, if known, what to do', () => {
    expect(error('Gone')).toContain('<p>Gone</p>')
    const nothing = { hint: null, reference: null, explanation: null }
    expect(
      html(<ErrorPage branding={DEFAULT_BRANDING} title="T" message="M" {...nothing} />),
    ).not.toMatch(/<p>|<a (?!class="brand")/)
  })

  it('an error page shows the reference and links to the explanation of the error', () => {
    expect(error('K7')).toContain('reference: <code class="reference">K7</code>')
    expect(linksIn(error('K7')).map(({ attributes }) => attributes.href)).toEqual(['/errors/x'])
  })

  it('an explanation of an error links to the index, and the index links to each explanation', () => {
    const hrefs = (page: string) => linksIn(page).map(({ attributes }) => attributes.href)
    expect(hrefs(explanation)).toEqual(['/clients', '/errors'])
    expect(hrefs(explanationIndex)).toEqual(['/errors/invalid_grant', '/clients', '/'])
  })

  it('the landing page names the endpoints and offers to sign in', () => {
    const page = landing(null)
    expect(page).toContain('<code>https://registry.example/authorize</code>')
    expect(page).toContain('<code>https://registry.example/token</code>')
    expect(named(page, 'a').map(({ attributes }) => attributes.href)).toContain('/login')
    expect(named(page, 'form')).toEqual([])
  })

  it('the landing page of a signed-in user offers to sign out', () => {
    const page = landing('ada')
    expect(page).toContain('<bdi>ada</bdi>')
    expect(named(page, 'form')[0]?.attributes).toMatchObject({ method: 'post', action: '/logout' })
    expect(inputs(page, 'form_token')[0]?.attributes.value).toBe('out-1')
    const hrefs = named(page, 'a').map(({ attributes }) => attributes.href)
    expect(hrefs).not.toContain('/login')
    expect(hrefs).toContain('/account')
    expect(landing(null)).not.toContain('href="/account"')
  })
})
