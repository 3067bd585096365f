/** The consent page: what it shows, offers and sends. */

import { describe, expect, it } from 'vitest'
import {
  CLIENT,
  consent,
  DOCUMENT_CLIENT,
  DYNAMIC_CLIENT,
  linksIn as everyLinkIn,
  HOSTILE,
  inputs,
  named,
  TERMS,
  withUrl,
} from './page-samples.tsx'

const ESCAPED = '&lt;script&gt;alert(1)&lt;/script&gt;'

/** Without the link to the account page. */
const linksIn = (page: string) =>
  everyLinkIn(page).filter(({ attributes }) => attributes.href !== '/account')

const scope = (name: string, sentence = `Do ${name}`, isSensitive = false) => ({
  ...{ scope: name, sentence, isSensitive },
})
/** The titles of the groups with the values of their boxes. */
const groupsIn = (page: string) =>
  [...page.matchAll(/<fieldset(?: aria-label="([^"]*)")?>(.*?)<\/fieldset>/gs)].map(
    ([, label, inside = '']) => [
      label ?? /<legend>([^<]*)/.exec(inside)?.[1],
      named(inside, 'input').map(({ attributes }) => attributes.value),
    ],
  )
const textOf = (page: string) => page.replace(/<[^>]*>/g, '').replaceAll('&#39;', "'")

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

  it('the consent page shows the URL of a link as the browser resolves it', () => {
    expect(withUrl('https://b\u00fccher.example/\u202e')).toContain(
      '<bdi>https://<span class="keep">xn--bcher-kva.example</span>/',
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
    expect(page).toContain('Untick')
  })

  it('control: the consent page has no checkbox when no scope is requested', () => {
    const page = consent({ scopes: [], endorsements: [] })
    expect(inputs(page, 'grant')).toEqual([])
    expect(named(page, 'fieldset')).toEqual([])
  })

  it('the consent page offers each endorsement as a ticked checkbox, and has no group of endorsements when none is requested', () => {
    expect(inputs(consent(), 'endorse').map(({ attributes }) => attributes)).toMatchObject([
      { type: 'checkbox', value: 'cs.*', checked: '' },
    ])
    expect(consent()).toContain('<span>Submit in every category of Computer Science</span>')
    expect(consent({ endorsements: [] })).not.toMatch(/endorse/i)
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
    expect(page).toContain('Registered by <strong><bdi>grace</bdi></strong>')
    expect(page).toContain('Not run by <bdi>Registry</bdi>')
    expect(page).not.toContain('1042')
    expect(page).toContain(
      'you will be sent to <strong><bdi>www.<span class="keep">papers.example</span></bdi></strong>',
    )
  })
})

describe('the client on the consent page', () => {
  it('the heading of the consent page names the client, and the client card never shows the id of an unknown owner', () => {
    const page = consent({ client: { ...CLIENT, ownerName: null } })
    expect(page).toContain('<h1>Allow <bdi>Paper Assistant</bdi> to use your account?</h1>')
    expect(page).not.toMatch(/1042|Registered by/)
    expect(page).toContain('Not run by')
  })

  it("the consent page sets the client's own words apart, and isolates their text direction", () => {
    const page = consent({ client: { ...CLIENT, description: 'עוזר' } })
    const [words = ''] = page.match(/<blockquote>.*<\/blockquote>/s) ?? []
    expect(words).toContain('<p dir="auto">עוזר</p>')
    expect(words).toContain('papers.example')
    const nothing = consent({ client: { ...CLIENT, description: '', url: '' } })
    expect(nothing).not.toMatch(/blockquote|about itself/)
  })

  it('the consent page marks only a client whose name looks like the name of the service', () => {
    const named = (name: string) => consent({ client: { ...CLIENT, name } })
    expect(named('Rеgіstry')).toContain('looks like')
    expect(named('Paper Assistant')).not.toContain('looks like')
  })

  it("the consent page for the registry's own program says that it is the registry's own", () => {
    const own = { ...CLIENT, clientId: 'registry-command-line', name: 'Registry command line' }
    const page = consent({ client: own })
    expect(textOf(page)).toContain('A program of Registry for its administrators.')
    expect(page).not.toMatch(/Not run by|looks like/)
  })
})

describe('the scopes on the consent page', () => {
  it('the consent page groups scopes by what they do, and marks the sensitive scopes', () => {
    const page = consent({
      scopes: [
        scope('files:delete', 'Delete your files', true),
        scope('files:read'),
        scope('files:write'),
        scope('openid'),
        scope('undeclared'),
      ],
      endorsements: [],
    })
    expect(groupsIn(page)).toEqual([
      ['Reading', ['files:read', 'openid']],
      ['Changing', ['files:write', 'undeclared']],
      ['Deleting', ['files:delete']],
    ])
    expect(page.match(/Sensitive/g)).toHaveLength(1)
    expect(page).toContain(
      'Delete your files <strong class="mark sensitive">Sensitive</strong><code>files:delete</code>',
    )
    expect(page).not.toContain('<details')
  })

  it('scopes with the same sentence share a checkbox, which is in the more severe group, and sensitive if one of them is', () => {
    const page = consent({
      scopes: [scope('a:read', 'Use it'), scope('a:delete', 'use it ', true), scope('a:write')],
      endorsements: [],
    })
    expect(groupsIn(page)).toEqual([
      ['Changing', ['a:write']],
      ['Deleting', ['a:read a:delete']],
    ])
    expect(page).toContain('Sensitive')
  })

  it('with more than eight checkboxes each group is folded, unless it deletes or has a sensitive or a new scope', () => {
    const reading = Array.from({ length: 7 }, (_, at) => scope(`a${at}:read`))
    const scopes = [...reading, scope('b:write'), scope('b:delete')]
    const folded = (page: string) =>
      [...page.matchAll(/<details( open="")?><summary>(\w+)/g)].map(([, open, title]) => [
        title,
        !!open,
      ])
    const eight = scopes.slice(0, 8)
    expect(folded(consent({ scopes: eight, endorsements: [] }))).toEqual([])
    // An endorsement counts as a checkbox.
    expect(folded(consent({ scopes: eight }))).toHaveLength(3)
    expect(folded(consent({ scopes, endorsements: [] }))).toEqual([
      ...[
        ['Reading', false],
        ['Changing', false],
        ['Deleting', true],
      ],
    ])
    const sensitive = [...scopes, scope('c:write', 'Spend your money', true)]
    expect(folded(consent({ scopes: sensitive, endorsements: [] }))[1]).toEqual(['Changing', true])
    const lastTime = scopes.map((one) => one.scope).filter((one) => one !== 'a3:read')
    expect(folded(consent({ scopes, endorsements: [] }, { lastTime }))[0]).toEqual([
      'Reading',
      true,
    ])
  })

  it('the consent page marks a scope that the last consent does not cover as new', () => {
    const scopes = [scope('a:read:7'), scope('a:write')]
    const page = consent({ scopes }, { lastTime: ['a:read:*'] })
    expect(page.match(/>New</g)).toHaveLength(1)
    expect(page).toContain('Do a:write <strong class="mark">New</strong>')
    expect(consent({ scopes })).not.toContain('>New<')
  })

  it('a consent page for more scopes than were allowed lists the allowed ones, and asks only for the others', () => {
    const page = consent({}, { allowed: ['profile:read'] })
    expect(inputs(page, 'grant').map(({ attributes }) => attributes.value)).toEqual([
      'submission:create',
    ])
    expect(inputs(page, 'endorse')).toEqual([])
    expect(page).toContain('<li>Submit in every category of Computer Science</li>')
    // The form may be sent with nothing ticked: what was allowed before stays allowed.
    expect(page).not.toContain('must-tick')
    expect(consent()).toContain('must-tick')
  })
})

describe('the consequences on the consent page', () => {
  it('the consent page says what the client does not see, how long access lasts, and where to end it', () => {
    expect(textOf(consent({ mayRefresh: false }))).toContain(
      'It will not see your password.Its access lasts for 2 hours.You can end its access at any time under Connected applications.',
    )
    const away = consent({ mayRefresh: true }, { accessSeconds: 30 * 86_400 })
    expect(textOf(away)).toContain('for up to 30 days, also while you are away.')
  })

  it.each([
    ['program', 'a program on this computer', 'Any program on this computer could pose as'],
    ['app', 'an app on this device', 'Any app on this device could pose as'],
  ] as const)(
    'the consent page describes a redirect to a %s in words, and warns that another one could pose as the client (RFC 8252)',
    (redirectKind, words, warning) => {
      const returnsTo = redirectKind === 'app' ? 'org.example.app:' : '127.0.0.1:22555'
      const page = consent({ returnsTo }, { redirectKind, canBeImpersonated: true })
      expect(textOf(page)).toContain(`you will be sent back to ${words}.`)
      expect(page).not.toContain(returnsTo)
      expect(textOf(page)).toContain(`${warning} this application.`)
      expect(consent({ returnsTo }, { redirectKind })).not.toContain('could pose as')
    },
  )

  it.each([
    ['www.papers.example', 'www.<span class="keep">papers.example</span>'],
    ['papers.example:8443', '<span class="keep">papers.example:8443</span>'],
    ['192.0.2.1', '<span class="keep">192.0.2.1</span>'],
    ['[2001:db8::1]:80', '<span class="keep">[2001:db8::1]:80</span>'],
    ['intranet', '<span class="keep">intranet</span>'],
    [
      'a.long-name-of-a-site.example',
      'a.<span class="keep long">long-name-of-a-site.example</span>',
    ],
  ])('no line breaks inside the last two labels of %s', (returnsTo, markup) => {
    expect(consent({ returnsTo })).toContain(`<bdi>${markup}</bdi>`)
  })

  it('the consent page contains the note that nothing is ticked, which the stylesheet shows and hides', () => {
    expect(consent()).toMatch(/<p class="problem nothing-ticked" role="status">Nothing is ticked/)
    expect(TERMS.scopes.length).toBeGreaterThan(0)
  })
})

describe('a client that registered itself', () => {
  const both = [
    ['document', DOCUMENT_CLIENT],
    ['registration', DYNAMIC_CLIENT],
  ] as const

  it('the consent page for a client with a document names the verified host first, then the name that the client gives itself, then the redirect host', () => {
    const page = consent({ client: DOCUMENT_CLIENT })
    const text = textOf(page).replace(/\s+/g, ' ')
    expect(text).toContain('Allow apps.notes.example to use your account?')
    const [host, name, target] = [
      text.indexOf('Allow apps.notes.example'),
      text.indexOf('It calls itself “Paper Assistant”.'),
      text.indexOf('you will be sent to www.papers.example.'),
    ]
    expect(host).toBeGreaterThan(0)
    expect(name).toBeGreaterThan(host as number)
    expect(target).toBeGreaterThan(name as number)
    expect(text).toContain('It registered itself: Registry has not checked it.')
    expect(text).toContain('Its document: https://apps.notes.example/clients/desktop.json')
  })

  it('the consent page for a client that registered itself by a request says that it chose its name, and never that it owns a host', () => {
    const text = textOf(consent({ client: DYNAMIC_CLIENT })).replace(/\s+/g, ' ')
    expect(text).toContain(
      'Allow an application that calls itself “Paper Assistant” to use your account?',
    )
    expect(text).toContain('It registered itself: Registry has not checked it.')
    expect(text).toContain('you will be sent to www.papers.example.')
    expect(text).not.toContain('document')
  })

  it.each(both)(
    'the consent page for a client of the kind %s shows no owner, and names the redirect host once',
    (_, client) => {
      const page = consent({ client: { ...client, ownerId: '1042', ownerName: 'grace' } })
      expect(page).not.toMatch(/Registered by|grace|1042|Not run by/)
      expect(page.match(/you will be sent to/g)).toHaveLength(1)
      expect(consent().match(/you will be sent to/g)).toHaveLength(1)
    },
  )

  it.each(both)(
    'a hostile name of a client of the kind %s is shown as text with an isolated direction',
    (_, client) => {
      const page = consent({ client: { ...client, name: HOSTILE } })
      expect(page).toContain(ESCAPED)
      expect(named(page, 'script')).toEqual([])
      expect(named(page, 'img')).toEqual([])
      expect(page).toMatch(/<bdi>[^<]*\u202e<\/bdi>/)
    },
  )

  it.each(both)('the name of a client of the kind %s cannot end its quotation', (_, client) => {
    const page = consent({ client: { ...client, name: 'Notes” of Registry, which is “"trusted' } })
    expect(textOf(page)).toContain("“Notes' of Registry, which is ''trusted”")
  })

  it.each(both)('a client of the kind %s that is named like the service is marked', (_, client) => {
    expect(consent({ client: { ...client, name: 'Rеgіstry' } })).toContain('looks like')
    expect(consent({ client })).not.toContain('looks like')
  })

  it('a verified host in other letters is shown in ASCII, with its last two labels on one line', () => {
    const client = {
      ...DOCUMENT_CLIENT,
      clientId: 'https://login.xn--pple-43d.example/a.json',
      verifiedHost: 'login.xn--pple-43d.example',
    }
    expect(consent({ client })).toContain(
      'login.<span class="keep">xn--pple-43d.example</span></bdi> to use your account?',
    )
  })
})

describe('the links and the logo of a client', () => {
  it.each([
    ['an operator’s', CLIENT],
    ['a document’s', DOCUMENT_CLIENT],
    ['a dynamically registered', DYNAMIC_CLIENT],
  ])(
    'the links of %s client to its terms and privacy policy are set apart with its own words',
    (_, client) => {
      const more = {
        tosUri: 'https://papers.example/terms',
        policyUri: 'https://papers.example/policy',
      }
      const [words = ''] =
        consent({ client: { ...client, ...more } }).match(/<blockquote>.*<\/blockquote>/s) ?? []
      expect(linksIn(words).map(({ attributes }) => attributes.href)).toEqual([
        'https://papers.example/about',
        'https://papers.example/terms',
        'https://papers.example/policy',
      ])
      expect(textOf(words)).toContain('Its terms: https://papers.example/terms')
    },
  )

  it('a terms URL that is not a web page is shown as text and not as a link', () => {
    const client = { ...CLIENT, url: '', tosUri: 'javascript:alert(1)', policyUri: '' }
    expect(linksIn(consent({ client }))).toEqual([])
  })

  it('a logo is loaded from the registry, hidden from screen readers, and shown only if the registry has it', () => {
    const withLogo = { client: { ...CLIENT, logoUri: 'https://papers.example/logo.png' } }
    expect(named(consent(withLogo), 'img')).toEqual([])
    const page = consent(withLogo, { logoPath: '/logos/abc' })
    expect(named(page, 'img').map(({ attributes }) => attributes)).toEqual([
      { class: 'client-logo', src: '/logos/abc', alt: '', width: '48', height: '48' },
    ])
    expect(page).not.toContain('https://papers.example/logo.png')
  })
})
