/** The canonical form of resource URIs, and which scopes belong to a resource. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalResource, isScopeOf, scopesAt } from '../../src/domain/resource.ts'
import { holdsScope } from '../../src/domain/scope.ts'

describe('the canonical form of a resource URI', () => {
  it.each([
    ['https://files.example', 'https://files.example'],
    ['https://files.example/', 'https://files.example'],
    ['HTTPS://Files.EXAMPLE', 'https://files.example'],
    ['https://files.example:443/a', 'https://files.example/a'],
    ['https://files.example:0443/a', 'https://files.example/a'],
    ['https://files.example:/a', 'https://files.example/a'],
    ['http://files.example:80', 'http://files.example'],
    ['https://files.example:80', 'https://files.example:80'],
    ['http://[::1]:8080/mcp', 'http://[::1]:8080/mcp'],
    ['https://files.example/A/../b', 'https://files.example/A/../b'],
    ['https://files.example/a%2Fb/', 'https://files.example/a%2Fb/'],
    ['https://files.example?A=b', 'https://files.example?A=b'],
    ['URN:example:Files', 'urn:example:Files'],
  ])('the canonical form of the resource URI %s is %s', (text, kept) => {
    expect(canonicalResource(text)).toBe(kept)
    expect(canonicalResource(kept)).toBe(kept)
  })

  it.each([
    '',
    'files',
    '/mcp',
    '//files.example',
    'https:',
    'https://',
    'https:files.example',
    'https:///mcp',
    'https://files.example#',
    'https://files.example/#a',
    'https://ada@files.example',
    'https://ada:secret@files.example',
    'https://files.example:99999',
    'https://files example',
    'https://files.example/"',
    'https://files.example\\mcp',
    'https://f%69les.example',
    'https://b\u00fccher.example',
    'urn:',
    `https://files.example/${'a'.repeat(256)}`,
  ])('the text %j is not a resource URI', (text) => {
    expect(canonicalResource(text)).toBeNull()
  })

  it('the canonical form of any text, if there is one, is its own canonical form and has the same origin', () => {
    const parts = fc.array(
      fc.constantFrom(
        'https',
        'HTTP',
        ':',
        '/',
        '//',
        'a.example',
        'A',
        '443',
        '@',
        '?',
        '#',
        '[::1]',
        '%41',
        '.',
        '..',
      ),
    )
    fc.assert(
      fc.property(parts, (words) => {
        const text = words.join('')
        const kept = canonicalResource(text)
        if (kept === null) return
        expect(canonicalResource(kept)).toBe(kept)
        expect(new URL(kept).origin).toBe(new URL(text).origin)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('the scopes of a resource', () => {
  it('a token for resources has only scopes that were granted and that belong to one of the resources', () => {
    const scope = fc.constantFrom('a:b', 'a:b:1', 'a:b:*', 'a:c', 'read', 'a:b:2')
    const some = fc.array(scope, { maxLength: 4 })
    fc.assert(
      fc.property(fc.array(some, { maxLength: 3 }), some, (lists, granted) => {
        const resources = lists.map((scopes) => ({ scopes }))
        for (const left of scopesAt(resources, granted)) {
          expect(holdsScope(granted, left)).toBe(true)
          expect(
            resources.some((one) => isScopeOf(one, left) || holdsScope(one.scopes, left)),
          ).toBe(true)
        }
      }),
    )
  })
})
