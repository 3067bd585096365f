/** The URLs that a metadata document may have and may name. `test/workers/outbound.test.ts` makes the requests. */

import { describe, expect, it } from 'vitest'
import { isDocumentUrl } from '../../src/domain/client-document.ts'
import {
  allowsLoopbackFor,
  documentHostOf,
  documentUrlProblem,
  MAX_URL_LENGTH,
} from '../../src/protocol/outbound-url.ts'

describe('the URL of a client metadata document', () => {
  it.each([
    'https://app.example/client.json',
    'https://app.example/client',
    'https://app.example/a/',
    'https://app.example/client.json?version=2',
    'https://xn--bcher-kva.example/client.json',
    'https://app.example/%7Euser',
    'https://1password.example/client.json',
    'https://1.2.3.example/client.json',
  ])('a metadata document may have the URL %s', (url) => {
    expect(documentUrlProblem(url, false)).toBeNull()
  })

  it.each([
    ['https://app.example', 'must be spelt as browsers spell it'],
    ['https://app.example/', 'must have a path'],
    ['https://app.example/?a', 'must have a path'],
    ['https://app.example/a/../b', 'must be spelt as browsers spell it'],
    ['https://app.example/a/%2E%2e/b', 'must be spelt as browsers spell it'],
    ['https://app.example/a%2fb', 'must not have a percent-encoded dot or slash in its path'],
    ['https://app.example/a%5C..%5Cb', 'must not have a percent-encoded dot or slash in its path'],
    ['https://app.example/a%00', 'must not have a percent-encoded dot or slash in its path'],
    ['https://bücher.example/a', 'must be an https URL'],
    ['https://app.example./a', 'must not end its host name with a dot'],
    ['https://app/a', 'must have a host name with a dot in it'],
    ['https://app.internal/a', 'must have a public host name'],
    ['https://10.0.0.7/a', 'must not name an IP address'],
    ['https://[::1]/a', 'must not name an IP address'],
    ['https://app.example:8443/a', 'must not name another port than 443'],
    ['https://me@app.example/a', 'must not name a user or a password'],
    ['https://app.example/a#', 'must not have a fragment'],
    ['http://app.example/a', 'must be an https URL'],
    [`https://app.example/${'x'.repeat(MAX_URL_LENGTH)}`, `must not be longer than 500 characters`],
  ])('a metadata document may not have the URL %j: it %s', (url, problem) => {
    expect(documentUrlProblem(url, false)).toBe(problem)
  })

  it('a client id names a metadata document only if it is a URL', () => {
    expect(['https://app.example/a', 'http://127.0.0.1:9100/a'].map(isDocumentUrl)).toEqual([
      true,
      true,
    ])
    expect(['a', 'registry-operator', 'urn:a', 'ahttps://b'].some(isDocumentUrl)).toBe(false)
  })

  it('only a registry at a loopback address may read documents at a loopback address', () => {
    expect(allowsLoopbackFor('http://127.0.0.1:8787')).toBe(true)
    expect(allowsLoopbackFor('http://localhost:8787')).toBe(true)
    expect(allowsLoopbackFor('https://auth.example.org')).toBe(false)
    expect(documentUrlProblem('http://localhost:9100/client.json', true)).toBeNull()
    expect(documentUrlProblem('http://localhost:9100/client.json', false)).not.toBeNull()
    expect(documentHostOf('http://localhost:9100/client.json')).toBe('localhost')
  })
})
