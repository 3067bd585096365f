/** The host list for metadata documents: the form of its hosts, which of them cover a host, and who is admitted. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/domain/client.ts'
import { isAdmitted, whyNotAdmitted } from '../../src/domain/client-document.ts'
import {
  canonicalHost,
  coveringHosts,
  type DocumentPolicy,
  type HostRule,
} from '../../src/domain/document-host.ts'

describe('the canonical form of a host', () => {
  it.each([
    ['app.example.com', 'app.example.com'],
    ['App.EXAMPLE.com.', 'app.example.com'],
    ['*.Example.com', '*.example.com'],
    ['*.com', '*.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['*.bücher.example', '*.xn--bcher-kva.example'],
    ['app。example.com', 'app.example.com'],
    ['_a.example.com', '_a.example.com'],
    ['localhost', 'localhost'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '[::1]'],
  ])('the host %s is kept as %s', (written, kept) => {
    expect(canonicalHost(written)).toBe(kept)
  })

  it.each([
    '',
    '*',
    '*.',
    '**.example.com',
    '*.*.example.com',
    'a.*.example.com',
    '.example.com',
    'a..example.com',
    'example',
    'https://app.example.com',
    'app.example.com/a',
    'app.example.com:443',
    'app.example.com?',
    'user@app.example.com',
    'app example.com',
    'app\\example.com',
    'app%2eexample.com',
    '-a.example.com',
    '10.0.0.1',
    '0x7f.1',
    '2130706433.1',
    '*.127.0.0.1',
    '*.0.0.1',
    '[::2]',
    '*.[::1]',
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(126)}example.com`,
    'a\0.example.com',
  ])('the text %j is not a host', (written) => {
    expect(canonicalHost(written)).toBeNull()
  })

  it('any text has a canonical form that is its own canonical form, or none', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.domain(),
          fc.domain().map((d) => `*.${d}`),
        ),
        (text) => {
          const host = canonicalHost(text)
          if (host === null) return
          expect(canonicalHost(host)).toBe(host)
          expect(host).toMatch(/^(?:\*\.)?[a-z0-9_.-]+$|^\[::1\]$/)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('the hosts that cover a host', () => {
  it('a host is covered by itself and by a wildcard for each parent domain, but not by a part of a label', () => {
    expect(coveringHosts('a.b.example.com')).toEqual([
      'a.b.example.com',
      '*.b.example.com',
      '*.example.com',
      '*.com',
    ])
    expect(coveringHosts('example.com')).toEqual(['example.com', '*.com'])
    expect(coveringHosts('localhost')).toEqual(['localhost'])
  })
})

describe('the admission of a host', () => {
  it.each<[DocumentPolicy, HostRule | null, boolean]>([
    ['off', null, false],
    ['off', 'allow', false],
    ['off', 'block', false],
    ['allowlist', null, false],
    ['allowlist', 'allow', true],
    ['allowlist', 'block', false],
    ['any', null, true],
    ['any', 'allow', true],
    ['any', 'block', false],
  ])(
    'with the policy %s and the rule %s, whether a host is admitted is %s',
    (policy, rule, may) => {
      expect(isAdmitted(policy, rule)).toBe(may)
    },
  )
})

describe('the reason why a client with a document is not admitted', () => {
  const withRule = (rule: HostRule | null) => ({ document: { freshUntil: 1, rule } }) as Client
  const ID = 'https://app.example/client.json'

  it.each<[string, Client | null, DocumentPolicy, string | null]>([
    [ID, withRule('allow'), 'off', 'CLIENT_DOCUMENTS is off'],
    [ID, null, 'off', 'CLIENT_DOCUMENTS is off'],
    [ID, withRule('block'), 'any', 'its host is blocked'],
    [ID, withRule('block'), 'allowlist', 'its host is blocked'],
    [ID, withRule(null), 'allowlist', 'its host is not allowed'],
    [ID, withRule('allow'), 'allowlist', null],
    [ID, withRule(null), 'any', null],
    [ID, null, 'allowlist', null],
    ['an-id-of-ours', withRule('block'), 'off', null],
  ])(
    'for the id %s, the record %j and the policy %s the reason is %j',
    (clientId, client, policy, why) => {
      expect(whyNotAdmitted(clientId, client, policy)).toBe(why)
    },
  )
})
