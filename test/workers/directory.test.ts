/** The public directory: what it shows, in which order, to whom, and what a search finds. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { deleteClient, disableClient, enableClient } from '../../src/flows/registration/clients.ts'
import { listClient, requestListing } from '../../src/flows/registration/listings.ts'
import {
  addressOf,
  listMany,
  lookAt,
  newListed,
  newWord,
  readAll,
  search,
  withDirectory,
} from './listed.ts'
import { admin } from './registering.ts'
import { declare, newClient, newUser, registry } from './registry.ts'

describe('the directory', () => {
  it('without the setting DIRECTORY, /directory is 404 and no page links to it', async () => {
    expect((await registry('/directory')).status).toBe(404)
    expect(await (await registry('/')).text()).not.toContain('/directory')
    expect(await (await withDirectory('/')).text()).toContain('href="/directory"')
  })

  it('a directory entry has the name, the description, the logo, the host, the owner and the permissions in plain words', async () => {
    await declare({ scopes: [{ name: 'shelf:read', sentence: 'See your shelf' }] as never })
    const owner = await newUser()
    const word = newWord()
    const logoUri = `https://${word}.example/logo.png`
    const id = await newListed({
      ...{ name: `Shelf ${word}`, ownerId: owner.id, url: `https://www.${word}.example/about?x=1` },
      ...{ description: 'Shows what you read.', logoUri, scopes: ['shelf:read', 'not:declared'] },
    })
    await env.DB.prepare(
      `INSERT INTO logo (logo_uri, host, tried_at, digest, media_type, image) VALUES (?1, 'h', 1, 'digest-x', 'image/png', x'00')`,
    )
      .bind(logoUri)
      .run()
    const { html, names } = await search(word)
    expect(names).toEqual([`Shelf ${word}`])
    expect(html).toContain('Shows what you read.')
    expect(html).toContain('src="/logos/digest-x"')
    expect(html).toContain(`href="https://www.${word}.example/about?x=1"`)
    expect(html).toContain(owner.username)
    expect(html).toContain('It may ask for 2 permissions')
    expect(html).toContain('See your shelf')
    expect(html).toContain('Use the permission “not:declared”')
    expect(html).not.toContain(id)
  })

  it('the directory shows a client only while an owner requests it, an approver lists it and it is enabled', async () => {
    const word = newWord()
    const { id } = await newClient({ name: `Shown ${word}` })
    const isShown = async () => (await search(word)).names.length > 0
    expect(await isShown()).toBe(false)
    await requestListing(admin(), id)
    expect(await isShown()).toBe(false)
    await listClient(admin(), id)
    expect(await isShown()).toBe(true)
    await disableClient(admin(), id)
    expect(await isShown()).toBe(false)
    await enableClient(admin(), id)
    expect(await isShown()).toBe(true)
    await deleteClient(admin(), id)
    expect(await isShown()).toBe(false)
  })

  it('the directory does not show a permission that is only requested', async () => {
    const word = newWord()
    await newListed({ name: word, scopes: ['secret:plan'], requestedOnly: true })
    const { html } = await search(word)
    expect(html).toContain('It has no permissions to ask for.')
    expect(html).not.toContain('secret:plan')
  })

  it('/directory needs no sign-in, sets no cookie and allows only GET and HEAD', async () => {
    const answer = await withDirectory('/directory')
    expect([answer.status, answer.headers.get('Set-Cookie')]).toEqual([200, null])
    expect((await withDirectory('/directory', { method: 'HEAD' })).status).toBe(200)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const refused = await withDirectory('/directory', { method })
      expect([method, refused.status, refused.headers.get('Allow')]).toEqual([
        method,
        405,
        'GET, HEAD',
      ])
    }
  })

  it('the directory marks a name that looks like the service, and no other name', async () => {
    const word = newWord()
    await newListed({ name: `Authоrization registry ${word}` })
    await newListed({ name: `${word} Harmless` })
    const { html } = await search(word)
    expect(html.match(/which does not run this application/g) ?? []).toHaveLength(1)
  })
})

describe('hostile names', () => {
  it.each([
    ['markup', '<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
    ['right-to-left override', 'Safe\u202Egnp.exe', 'Safegnp.exe'],
    ['Arabic', 'قائمة القراءة', 'قائمة القراءة'],
    ['invisible characters', 'a\u200B\u2060b\u0007', 'ab'],
    ['piled marks', `Z${'\u0301'.repeat(60)}`, `Ź${'\u0301'.repeat(3)}`],
    [
      'a long word',
      'Interoperability'.repeat(9).slice(0, 130),
      'Interoperability'.repeat(9).slice(0, 130),
    ],
    ['a very long name', 'x'.repeat(1000), `${'x'.repeat(200)}…`],
  ])(
    'the directory isolates a name with %s, which cannot change the text around it',
    async (_, name, shown) => {
      const word = newWord()
      await newListed({ name, url: `https://${word}.example` })
      const { html } = await search(`${word}.example`)
      expect(html).toContain(`<h2 dir="auto"><bdi>${shown}</bdi></h2>`)
    },
  )

  it('the directory shows the id of a client whose name has only invisible characters', async () => {
    const word = newWord()
    const id = await newListed({ name: '\u200B\u2060', url: `https://${word}.example` })
    expect((await search(word)).names).toEqual([id])
  })

  it('the directory links neither an address that is not http or https nor one with user information', async () => {
    for (const url of [
      'javascript:alert(1)',
      'https://bank.example@evil.example/',
      'not an address',
    ]) {
      const word = newWord()
      await newListed({ name: word, url })
      const { html } = await search(word)
      expect(html).not.toContain('evil.example')
      expect(html).not.toContain('javascript:')
    }
  })

  it('the directory shows a host with other letters in ASCII', async () => {
    const word = newWord()
    await newListed({ name: word, url: `https://раураl-${word}.example/` })
    const { html } = await search(word)
    expect(html).toMatch(/xn--/)
    expect(html).not.toContain('раураl')
  })
})

describe('a search of the directory', () => {
  const find = async (name: string, url: string, q: string) => {
    const word = newWord()
    await newListed({ name: name.replaceAll('WORD', word), url: url.replaceAll('WORD', word) })
    return (await search(q.replaceAll('WORD', word))).names.length
  }

  it.each([
    ['the beginning of the name', 'WORD Reader', '', 'WORD re'],
    ['the beginning of a later word', 'My WORD', '', 'word'.replace('word', 'WORD')],
    ['any case', 'My WoRd WORD', '', 'wOrD WORD'],
    ['a name with accents without them', 'Élan WORD', '', 'elan WORD'],
    ['a name without accents with them', 'Elan WORD', '', 'ÉLÁN WORD'],
    ['full width', 'ＲＥＡＤ WORD', '', 'read WORD'],
    ['words across punctuation', 'arXiv-WORD: reader', '', 'WORD reader'],
    ['a host', 'Some', 'https://www.WORD.example/path', 'www.WORD.example'],
    ['the end of a host', 'Some', 'https://www.WORD.example/path', 'WORD.exa'],
    ['a character in the middle of a Chinese name', '论文WORD阅读器', '', '阅读器'],
    ['a quotation mark', `The "WORD" reader`, '', '"WORD" reader'],
  ])('a search of the directory finds %s', async (_, name, url, q) => {
    expect(await find(name, url, q)).toBe(1)
  })

  it.each([
    ['the middle of a word', 'Pre-xWORD', '', 'WORD'],
    ['words in another order', 'reader WORD', '', 'WORD reader'],
    ['the path of the web page', 'Some', 'https://host.example/WORD', 'WORD'],
    ['the wildcard %', 'My WORD', '', '%WORD'.replace('WORD', 'zzz%')],
    ['the wildcard _ for a letter', 'abcWORD', '', '_bcWORD'],
    ['a word with % in it', 'abcWORD', '', 'abc%WORD'],
  ])('a search of the directory does not find %s', async (_, name, url, q) => {
    expect(await find(name, url, q)).toBe(0)
  })

  it('a search shows an entry once even if several words find it', async () => {
    const word = newWord()
    await newListed({ name: `${word} ${word} ${word}`, url: `https://${word}.example` })
    expect((await search(word)).names).toEqual([`${word} ${word} ${word}`])
  })

  it('a search for only punctuation finds nothing, and says so', async () => {
    const { status, html, names } = await search('%%% ___')
    expect([status, names]).toEqual([200, []])
    expect(html).toContain('No listed application')
  })

  it('the search page repeats the search as escaped text', async () => {
    const { html } = await search(`nothing"><script>alert(1)</script>`)
    expect(html).toContain('value="nothing&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"')
    expect(html).not.toContain('<script>')
  })
})

describe('pages of the directory', () => {
  it('a search with 120 hits has pages of 50, 50 and 20, with each entry once and in order', async () => {
    const word = newWord()
    await listMany(120, (n) => `${word} ${String(n).padStart(3, '0')}`)
    const pages = await readAll(addressOf({ q: word }))
    expect(pages.map((page) => page.length)).toEqual([50, 50, 20])
    expect(pages.flat()).toEqual(pages.flat().toSorted())
    expect(new Set(pages.flat()).size).toBe(120)
    const begin = await search(word)
    let added = 0
    const again = await readAll(addressOf({ q: word }), async () => {
      // Clients before, between and after the entries that were already read.
      added += 1
      const places = ['000a', '049a', '119a']
      await listMany(places.length, (n) => `${word} ${places[n]} ${added}`)
      await deleteClient(admin(), await idNamed(`${word} 000`)).catch(() => null)
    })
    const before = pages.flat()
    // No client that was there from the beginning is left out or shown twice.
    expect(again.flat().filter((name) => before.includes(name))).toEqual(before)
    expect(begin.names).toHaveLength(50)
  })

  it('the directory is sorted by name, ignoring case and accents, with names without letters first', async () => {
    const before = await readAll('/directory')
    await newListed({ name: '🎉' })
    await newListed({ name: 'Öffnung' })
    await newListed({ name: 'OFFEN' })
    const all = (await readAll('/directory')).flat()
    expect(all).toHaveLength(before.flat().length + 3)
    expect(all.indexOf('🎉')).toBeLessThan(all.indexOf('OFFEN'))
    expect(all.indexOf('OFFEN')).toBeLessThan(all.indexOf('Öffnung'))
  })

  it('a directory page past the end says so and links to the beginning', async () => {
    const path = addressOf({ after: JSON.stringify(['\u{10FFFD}', 'x']) })
    const { status, html, names } = await lookAt(path)
    expect([status, names]).toEqual([200, []])
    expect(html).toContain('There are no more applications.')
    expect(html).toContain('href="/directory"')
  })

  it.each([
    'x',
    '[]',
    '["a"]',
    '["a","b","c"]',
    '[1,2]',
    'null',
    '{"a":1}',
    '["\\ud800","x"]',
    '["a\\u0000","x"]',
    '["a",null]',
  ])(
    'a malformed cursor of the directory is refused with 400 and a link to the beginning: %s',
    async (after) => {
      const { status, html } = await lookAt(addressOf({ after }))
      expect(status).toBe(400)
      expect(html).toContain('This address leads to no page of the directory.')
      expect(html).toContain('href="/directory"')
    },
  )

  it('the directory refuses the cursor of another search', async () => {
    expect(
      (await lookAt(addressOf({ q: 'abc', after: JSON.stringify(['xyz', 'a']) }))).status,
    ).toBe(400)
    expect(
      (await lookAt(addressOf({ q: 'abc', after: JSON.stringify(['abcd', 'a']) }))).status,
    ).toBe(200)
  })
})

const idNamed = async (name: string) =>
  (await env.DB.prepare('SELECT client_id FROM client WHERE name = ?1')
    .bind(name)
    .first<string>('client_id')) ?? ''
