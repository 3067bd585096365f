/** The pages: what they say, what they never carry, and that nothing a client wrote becomes markup. */

import { describe, expect, it } from 'vitest'
import { ErrorPage } from '../../src/pages/error-page.tsx'
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
  landing,
  login,
  named,
  tagsOf,
} from './page-samples.tsx'

/** What the policy of the pages would block: the browser would drop it, so it must not be there. */
const offences = (html: string) =>
  tagsOf(html)
    .filter(
      ({ name, attributes }) =>
        ['script', 'style', 'base', 'iframe', 'object', 'embed', 'img'].includes(name) ||
        Object.entries(attributes).some(
          ([key, value]) =>
            key === 'style' || key.startsWith('on') || /^\s*(javascript|data):/i.test(value),
        ),
    )
    .map(({ name }) => name)

const PAGES: Readonly<Record<string, string>> = {
  login: login(),
  'login, hostile': login({
    ...{ clientName: HOSTILE, username: HOSTILE, problem: HOSTILE },
    ...{ nextPage: HOSTILE, formToken: HOSTILE },
  }),
  consent: consent(),
  'consent, hostile': consent(
    {
      client: { ...CLIENT, name: HOSTILE, url: HOSTILE, description: HOSTILE, ownerId: HOSTILE },
      ...{ returnsTo: HOSTILE, endorsements: [HOSTILE] },
      scopes: [{ scope: HOSTILE, sentence: HOSTILE }],
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
        ...{ endorsements: [HOSTILE], scopes: [{ scope: HOSTILE, sentence: HOSTILE }] },
      },
    ],
  }),
  error: error('Not found'),
  'error, hostile': error(HOSTILE),
  explanation,
  'explanation index': explanationIndex,
  landing: landing(null),
  'landing, signed in, hostile': landing(HOSTILE),
}

describe('every page', () => {
  it.each(Object.entries(PAGES))(
    '%s carries no script, inline style or event handler',
    (_, page) => {
      expect(offences(page)).toEqual([])
    },
  )

  it.each([
    '<script src="/x.js">',
    '<p style="color:red">',
    '<b onclick="x()">',
    '<a href="javascript:alert(1)">',
    `<p title="${HOSTILE}">`,
  ])('control: %s would have been noticed', (markup) => {
    expect(offences(markup)).not.toEqual([])
  })

  it.each(Object.entries(PAGES))(
    '%s is a whole document in standards mode, with one h1',
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

  it.each(Object.entries(PAGES))(
    '%s has a label for everything that can be filled in',
    (_, page) => {
      const filled = named(page, 'input').filter(({ attributes }) => attributes.type !== 'hidden')
      const labelled = [...page.matchAll(/<label[^>]*>.*?<\/label>/gs)].flatMap(([label]) =>
        /[^\s<>](?=<\/|<code)/.test(label) ? named(label, 'input') : [],
      )
      expect(labelled).toEqual(filled)
    },
  )

  it.each(Object.entries(PAGES))(
    '%s uses no id twice and refers to none that is missing',
    (_, page) => {
      const ids = tagsOf(page).flatMap(({ attributes }) => attributes.id ?? [])
      const wanted = tagsOf(page).flatMap(({ attributes }) => attributes['aria-describedby'] ?? [])
      expect(new Set(ids).size).toBe(ids.length)
      expect(ids).toEqual(expect.arrayContaining(wanted))
    },
  )
})

describe('the login page', () => {
  it('posts the name, the password, the way onward and the form token', () => {
    const page = login()
    expect(named(page, 'form')[0]?.attributes).toMatchObject({ method: 'post', action: '/login' })
    expect(inputs(page, 'username')[0]?.attributes).toMatchObject({ autocomplete: 'username' })
    expect(inputs(page, 'password')[0]?.attributes).toMatchObject({
      ...{ type: 'password', autocomplete: 'current-password' },
    })
    expect(inputs(page, 'next_page')[0]?.attributes.value).toBe('/authorize?a=1&amp;b=2')
    expect(inputs(page, 'form_token')[0]?.attributes.value).toBe('form-1')
  })

  it('says for which client, and only when there is one', () => {
    expect(login({ clientName: 'Paper Assistant' })).toContain('to continue to')
    expect(login({ clientName: 'Paper Assistant' })).toContain('<bdi>Paper Assistant</bdi>')
    expect(login()).not.toContain('to continue to')
  })

  it('puts the cursor where typing is needed', () => {
    const focused = (page: string) =>
      tagsOf(page).flatMap(({ attributes }) => ('autofocus' in attributes ? attributes.name : []))
    expect(focused(login())).toEqual(['username'])
    expect(focused(login({ username: 'ada' }))).toEqual(['password'])
  })

  it('announces a problem and ties it to the password, which it never gives back', () => {
    const page = login({ username: 'ada', problem: 'Not right.' })
    const alert = tagsOf(page).find(({ attributes }) => attributes.role === 'alert')
    const password = inputs(page, 'password')[0]?.attributes
    expect(password).toMatchObject({ 'aria-invalid': 'true' })
    expect(password?.['aria-describedby']).toBe(alert?.attributes.id)
    expect(password).not.toHaveProperty('value')
    expect(page).toContain('Not right.')
    expect(inputs(page, 'username')[0]?.attributes.value).toBe('ada')
  })

  it('control: without a problem nothing is marked', () => {
    expect(login()).not.toMatch(/role="alert"|aria-invalid|aria-describedby/)
  })
})

describe('the page of connected applications', () => {
  it('says of each who it is, what it may do, since when and last used when', () => {
    const page = account()
    expect(page).toContain('<bdi>Paper Assistant</bdi>')
    expect(page).toContain('href="https://papers.example/about"')
    expect(page).toContain('Read your profile<code>profile:read</code>')
    expect(page).toContain('Submit in every category of Computer Science')
    expect(page).toContain('<time datetime="2026-01-01T00:00:00.000Z">2026-01-01</time>')
    expect(page).toContain('last used <time datetime="2026-01-02T00:00:00.000Z">2026-01-02</time>')
    expect(page).toContain('not used yet')
  })

  it('has a form for each, by its own id and token', () => {
    const forms = named(account(), 'form').map(({ attributes }) => attributes)
    const posts = { method: 'post', action: '/account' }
    expect(forms).toMatchObject([posts, posts, { action: '/logout' }])
    const ids = inputs(account(), 'client_id').map(({ attributes }) => attributes.value)
    expect(ids).toEqual(['c1', 'c2'])
  })

  it('says when there is none, and when one can do nothing', () => {
    expect(account({ applications: [] })).toContain('No application has access')
    const off = { ...APPLICATION, isEnabled: false }
    expect(account({ applications: [off] })).toContain('switched it off')
    expect(account({ applications: [off] })).not.toContain('profile:read')
    const bare = { ...APPLICATION, scopes: [] }
    expect(account({ applications: [bare] })).toContain('It may do nothing any more.')
  })

  it('announces a removal, with the time until it holds everywhere', () => {
    const page = account({ removed: { name: 'Old one', withinSeconds: 70 } })
    expect(page).toMatch(/role="status".*<bdi>Old one<\/bdi>.*within 70 seconds/s)
    expect(account()).not.toContain('role="status"')
  })
})

describe('the other pages', () => {
  it('an error says what happened and, when there is one, what to do', () => {
    expect(error('Gone')).toContain('<p>Gone</p>')
    const nothing = { hint: null, reference: null, explanation: null }
    expect(html(<ErrorPage title="T" message="M" {...nothing} />)).not.toMatch(/<p>|<a /)
  })

  it('an error gives the reference to tell, and leads to what it means', () => {
    expect(error('K7')).toContain('reference: <code class="reference">K7</code>')
    expect(named(error('K7'), 'a').map(({ attributes }) => attributes.href)).toEqual(['/errors/x'])
  })

  it('an explanation leads to the index, and the index to each', () => {
    const hrefs = (page: string) => named(page, 'a').map(({ attributes }) => attributes.href)
    expect(hrefs(explanation)).toEqual(['/errors'])
    expect(hrefs(explanationIndex)).toEqual(['/errors/invalid_grant', '/'])
  })

  it('the landing page names the endpoints and offers to sign in', () => {
    const page = landing(null)
    expect(page).toContain('<code>https://registry.example/authorize</code>')
    expect(page).toContain('<code>https://registry.example/token</code>')
    expect(named(page, 'a').map(({ attributes }) => attributes.href)).toContain('/login')
    expect(named(page, 'form')).toEqual([])
  })

  it('the landing page of somebody signed in offers to sign out instead', () => {
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
