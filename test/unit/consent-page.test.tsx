/** The consent page: what it shows, offers and sends. */

import { describe, expect, it } from 'vitest'
import { CLIENT, consent, HOSTILE, inputs, linksIn, named, withUrl } from './page-samples.tsx'

const ESCAPED = '&lt;script&gt;alert(1)&lt;/script&gt;'

describe('the consent page', () => {
  it('the consent page shows a hostile client name as text, not markup', () => {
    const page = consent({ client: { ...CLIENT, name: HOSTILE } })
    expect(page).toContain(ESCAPED)
    expect(named(page, 'script')).toEqual([])
    expect(named(page, 'img')).toEqual([])
  })

  it("the consent page isolates the text direction of a client's words and keeps them out of its title", () => {
    const page = consent({ client: { ...CLIENT, name: HOSTILE } })
    expect(page).toMatch(/<bdi>[^<]*\u202e<\/bdi>/)
    expect(page).toContain('<title>Allow access to your account? · Registry</title>')
  })

  it.each([
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    '//papers.example',
    'papers.example',
    'https://registry.example@evil.example/',
    'https://',
  ])('the consent page shows the URL %j as text and not as a link', (url) => {
    const page = withUrl(url)
    expect(linksIn(page)).toEqual([])
    expect(page).toContain(`<bdi>${url}</bdi>`)
  })

  it.each(['https://papers.example/about', 'http://127.0.0.1:5000/'])(
    'control: the consent page shows %s as a link',
    (url) => {
      expect(linksIn(withUrl(url)).map(({ attributes }) => attributes)).toEqual([
        { href: url, rel: 'noopener noreferrer nofollow' },
      ])
    },
  )

  it('the consent page shows a link in the form that the browser resolves', () => {
    expect(withUrl('https://b\u00fccher.example/\u202e')).toContain(
      '<bdi>https://xn--bcher-kva.example/',
    )
    expect(withUrl('https://papers.example/\u202e')).not.toContain('\u202e')
  })

  it('the consent page offers each scope as a ticked checkbox with its sentence and its name', () => {
    const page = consent()
    expect(inputs(page, 'grant').map(({ attributes }) => attributes)).toMatchObject([
      { type: 'checkbox', value: 'profile:read', checked: '' },
      { type: 'checkbox', value: 'submission:create', checked: '' },
    ])
    expect(page).toContain('<span>Read your profile<code>profile:read</code></span>')
    expect(named(page, 'legend')).toHaveLength(1)
    expect(page).toContain('Untick')
  })

  it('control: the consent page has no checkbox when no scope is requested', () => {
    const page = consent({ scopes: [] })
    expect(inputs(page, 'grant')).toEqual([])
    expect(named(page, 'fieldset')).toEqual([])
  })

  it('the consent page lists endorsements and omits the list when there are none', () => {
    expect(consent()).toContain('<li>Submit in every category of Computer Science</li>')
    expect(consent({ endorsements: [], resources: [] })).not.toMatch(/<li>|endorsement/i)
  })

  it('the consent page has an Allow and a Cancel button, and the Enter key presses Cancel', () => {
    const answers = named(consent(), 'button').flatMap(({ attributes }) =>
      attributes.name === 'confirm' ? [[attributes.value, 'formnovalidate' in attributes]] : [],
    )
    expect(answers).toEqual([
      ['cancel', true],
      ['ok', false],
    ])
    expect(inputs(consent(), 'confirm')).toEqual([])
  })

  it('the consent form repeats the request unchanged, with its form token', () => {
    const [answer = '', signOut = ''] = consent().match(/<form.*?<\/form>/gs) ?? []
    const hidden = (form: string) =>
      named(form, 'input').flatMap(({ attributes }) =>
        attributes.type === 'hidden' ? [[attributes.name, attributes.value]] : [],
      )
    expect(named(answer, 'form')[0]?.attributes).toMatchObject({
      method: 'post',
      action: '/authorize',
    })
    expect(hidden(answer)).toEqual([
      ['client_id', 'c1'],
      ['state', '&quot;&gt;&lt;b&gt;&amp;'],
      ['form_token', 'form-1'],
    ])
    expect(named(signOut, 'form')[0]?.attributes).toMatchObject({
      method: 'post',
      action: '/logout',
    })
    expect(hidden(signOut)).toEqual([
      ['form_token', 'out-1'],
      ['next_page', '/authorize?a=1&amp;b=2'],
    ])
  })

  it('the consent page shows the signed-in user and the redirect host, and that the service does not run the client', () => {
    const page = consent()
    expect(page).toContain('Signed in as <strong><bdi>ada</bdi></strong>')
    expect(page).toContain('Not run by <bdi>Registry</bdi>')
    expect(page).not.toContain('1042')
    expect(page).toContain('you will be sent to <strong><bdi>https://papers.example</bdi></strong>')
  })
})
