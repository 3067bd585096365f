/** Properties of the pure parsers for any text (fast-check). */

import fc from 'fast-check'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { digest } from '../../src/crypto/digest.ts'
import { endorsementCovers, isEndorsement, meetEndorsements } from '../../src/domain/category.ts'
import { AUTH_METHODS, type Client } from '../../src/domain/client.ts'
import {
  formatScopes,
  isScope,
  meetScopes,
  scopeCovers,
  splitScopes,
} from '../../src/domain/scope.ts'
import { loginAddress, ownPath } from '../../src/http/next-page.ts'
import { readClientAuthentication } from '../../src/protocol/client-authentication.ts'
import { readProof } from '../../src/protocol/dpop.ts'
import { OAuthError } from '../../src/protocol/errors.ts'
import { firstFields, formPairs, readFields } from '../../src/protocol/fields.ts'
import { readCodeChallenge, verifierProblem } from '../../src/protocol/pkce.ts'
import { approveRedirect } from '../../src/protocol/redirect-uri.ts'
import { readRequestedScopes } from '../../src/protocol/scope-parameter.ts'
import { readSessionCookie, sessionCookieName } from '../../src/protocol/session-cookie.ts'

const ISSUERS = ['https://registry.example', 'http://127.0.0.1:8787', 'http://[::1]:8787']
const anyUnits = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
  .map((units) => String.fromCharCode(...units))
const anyText = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  anyUnits,
  fc.constantFrom('__proto__', 'constructor', 'toString', '', '*', '%', '+'),
)
/** Random sequences of these words: most are nearly valid. */
const madeOf = (words: readonly string[], maxLength = 7) =>
  fc.array(fc.constantFrom(...words), { maxLength }).map((parts) => parts.join(''))

const scopes = fc.array(madeOf(['a', 'b', ':', ':*', '-'], 5).filter(isScope), { maxLength: 4 })

/** The result, or null for a refusal. Any other error is thrown. */
function unlessRefused<T>(read: () => T): T | null {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof OAuthError) return null
    throw cause
  }
}

describe('form fields', () => {
  const pairs = fc.array(
    fc.tuple(fc.oneof(fc.constantFrom('a', 'resource', '__proto__'), anyText), anyText),
  )

  it('a request with a repeated form field is refused, unless the field may repeat', () => {
    fc.assert(
      fc.property(pairs, (given) => {
        const sent = given.map(
          ([name, value]) => [name.toWellFormed(), value.toWellFormed()] as const,
        )
        const names = sent.map(([name]) => name).filter((name) => name !== 'resource')
        const fields = unlessRefused(() =>
          readFields(formPairs(new URLSearchParams(sent as [string, string][]).toString())),
        )
        expect(fields === null).toBe(new Set(names).size < names.length)
        for (const [name, value] of fields ?? []) {
          expect(value).not.toBe('')
          const all = sent.filter(([other]) => other === name).map(([, one]) => one)
          if (name === 'resource') expect(value).toBe(all.filter(Boolean).join(' '))
          else expect(all[0] || value).toBe(value)
        }
      }),
    )
  })

  it('the time to read form fields grows with their number, not with its square', () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `name${index}=a`)
    expect(readFields(formPairs(names.join('&'))).size).toBe(names.length)
  })

  it('reading form fields from any text never throws', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const fields = firstFields(formPairs(text))
        expect([...fields.values()]).not.toContain('')
      }),
    )
  })

  it('form fields are decoded as the URL standard says', () => {
    const parts = [
      'a',
      '=',
      '&',
      '+',
      '%',
      '%20',
      '%2B',
      '%26',
      '%C3%A9',
      '%EF%BB%BF',
      '%ED%A0%80',
      '%F0%9F%98%80',
      '%C3',
      '%zz',
      '%00',
      '?',
      'é',
      '\ufeff',
    ]
    fc.assert(
      fc.property(fc.oneof(anyText, madeOf(parts, 12)), (text) => {
        // Without the ampersand, `URLSearchParams` leaves out a question mark at the beginning.
        const read = formPairs(text.toWellFormed())
        expect(read).toEqual([...new URLSearchParams(`&${text}`)])
      }),
    )
  })
})

describe('the scope parameter', () => {
  const scope = madeOf(['a', 'b', ':', '*', '-', '/', '_', 'A', '0', ' '], 9)
  /** Most of these are nearly authorized. */
  const similar = fc
    .tuple(
      fc.constantFrom('a:a:', 'a:b', 'b:a', 'b:a:', 'b:b'),
      madeOf(['a', '0', '*', ':', '"'], 2),
    )
    .map((parts) => parts.join(''))
  const authorized = ['a:b', 'a:a:*', 'b:a:0']

  const policies = fc.constantFrom('refuse' as const, 'narrow' as const)

  it('the scope parameter is refused, or read as scopes that are well-formed and authorized', () => {
    fc.assert(
      fc.property(fc.oneof(scope, similar, anyText), policies, (text, policy) => {
        const scopes = unlessRefused(() =>
          readRequestedScopes(new Map([['scope', text]]), authorized, policy),
        )
        for (const one of scopes ?? []) {
          expect(one).toMatch(/^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*(:(\*|[A-Za-z0-9._~/-]+))?$/)
          const isCovered = authorized.includes(one) || one === 'a:a' || one.startsWith('a:a:')
          expect(isCovered).toBe(true)
        }
        expect(scopes).not.toEqual([])
      }),
      { numRuns: 1000 },
    )
  })

  it('a list of scopes is the same after it is written as a scope parameter and read again', () => {
    fc.assert(
      fc.property(scopes, (scopes) => {
        expect(splitScopes(formatScopes(scopes)).sort()).toEqual([...new Set(scopes)].sort())
      }),
    )
  })
})

const endorsements = fc.array(madeOf(['a', 'b', '.', '.*', '*.*'], 4).filter(isEndorsement), {
  maxLength: 4,
})

describe.each([
  ['scopes', scopes, meetScopes, scopeCovers],
  ['endorsements', endorsements, meetEndorsements, endorsementCovers],
] as const)('what two sets of %s have in common', (_name, sets, meet, covers) => {
  it('the intersection of two lists is symmetric, idempotent and narrower than both lists', () => {
    fc.assert(
      fc.property(sets, sets, (left, right) => {
        const common = meet(left, right)
        expect(meet(right, left)).toEqual(common)
        expect(meet(common, left)).toEqual(common)
        expect(meet(common, common)).toEqual(common)
        for (const one of common) {
          expect(left.some((held) => covers(held, one))).toBe(true)
          expect(right.some((held) => covers(held, one))).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('the intersection of two lists covers exactly what both lists cover', () => {
    fc.assert(
      fc.property(sets, sets, sets, (left, right, [asked = '']) => {
        const isAllowed = [left, right].every((held) => held.some((one) => covers(one, asked)))
        expect(meet(left, right).some((one) => covers(one, asked))).toBe(isAllowed)
      }),
      { numRuns: 1000 },
    )
  })

  it('covering is reflexive and transitive', () => {
    fc.assert(
      fc.property(sets, (some) => {
        for (const a of some) {
          expect(covers(a, a)).toBe(true)
          for (const b of some)
            for (const c of some) if (covers(a, b) && covers(b, c)) expect(covers(a, c)).toBe(true)
        }
      }),
    )
  })
})

describe('a redirect URI', () => {
  const uri = madeOf(
    [
      'http://127.0.0.1',
      'http://[::1]',
      'https://a.example',
      'http://localhost',
      ':80',
      ':',
      '5000',
      '9',
      '/',
      'cb',
      '?',
      '@',
      '#',
      '\n',
      '.evil',
    ],
    5,
  )
  const client = (authMethod: Client['authMethod'], redirectUris: readonly string[]) =>
    ({ authMethod, redirectUris }) as Client

  /** RFC 8252 §7.3 as a second implementation: equal text after the port of a loopback literal is removed. */
  function isSameButForPort(registered: string, asked: string): boolean {
    const host = ['http://127.0.0.1', 'http://[::1]', 'http://localhost'].find(
      (one) => registered.startsWith(one) && asked.startsWith(one),
    )
    if (host === undefined) return false
    const rests = [registered, asked].map((text) => {
      const rest = text.slice(host.length)
      if (!rest.startsWith(':')) return rest
      const path = rest.indexOf('/')
      const port = path === -1 ? rest.slice(1) : rest.slice(1, path)
      const isPort =
        port.length > 0 &&
        port.length < 6 &&
        Number(port) < 65_536 &&
        [...port].every((digit) => '0123456789'.includes(digit))
      return isPort ? rest.slice(1 + port.length) : `${rest} has no port`
    })
    return rests[0] === rests[1] && (rests[0] === '' || rests[0]?.startsWith('/') === true)
  }

  /** Every scheme must have a dot, except http and https. */
  const hasUsableScheme = (text: string) =>
    !/^[a-z][a-z0-9+-]*:/i.test(text) || /^https?:/.test(text)

  const path = fc.constantFrom('', '/', '/cb', '/cb?a=b', '/cb#c', '@evil.example/cb', 'cb')
  const port = fc.constantFrom('', ':', ':0', ':80', ':5000', ':99999', ':123456', ':80@evil', ':a')
  const host = fc.constantFrom('http://127.0.0.1', 'http://[::1]', 'http://localhost', 'https://a')
  /** Two URIs that differ in their port, and sometimes in their path. */
  const alike = fc
    .tuple(host, port, port, path, fc.option(path))
    .map(([start, one, other, end, otherEnd]) => [
      start + one + end,
      start + other + (otherEnd ?? end),
    ])
  const pair = fc.oneof(
    alike,
    fc.tuple(uri, uri),
    fc.tuple(uri, anyText),
    uri.map((one) => [one, one]),
  )

  it('a redirect URI is approved when it is registered, or differs in the port of a loopback address for a public client', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...AUTH_METHODS, 'none' as const),
        pair,
        fc.array(uri, { maxLength: 2 }),
        (authMethod, [first = '', asked = ''], others) => {
          const registered = [first, ...others]
          const isPublic = authMethod === 'none'
          const isOwn =
            !asked.includes('#') &&
            hasUsableScheme(asked) &&
            (registered.includes(asked) ||
              (isPublic && registered.some((one) => isSameButForPort(one, asked))))
          expect(approveRedirect(client(authMethod, registered), asked, [])).toBe(
            isOwn ? asked : null,
          )
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('a request without a redirect URI gets the only registered one', () => {
    fc.assert(
      fc.property(fc.array(uri, { maxLength: 3 }), (registered) => {
        const [only = null] = registered
        const isUnsure =
          registered.length !== 1 || only?.includes('#') || !hasUsableScheme(only ?? '')
        expect(approveRedirect(client('none', registered), undefined, [])).toBe(
          isUnsure ? null : only,
        )
      }),
    )
  })
})

describe('PKCE', () => {
  const verifier = fc.string({
    unit: fc.constantFrom(...'ABCxyz019-._~'),
    minLength: 43,
    maxLength: 128,
  })

  it('a code challenge accepts its own verifier and no other', async () => {
    await fc.assert(
      fc.asyncProperty(verifier, fc.oneof(verifier, anyText), async (own, other) => {
        const challenge = await digest(own)
        const fields = new Map([
          ['code_challenge', challenge],
          ['code_challenge_method', 'S256'],
        ])
        expect(readCodeChallenge(fields, true)).toBe(challenge)
        expect(await verifierProblem(own, challenge)).toBeNull()
        expect((await verifierProblem(other, challenge)) === null).toBe(other === own)
        expect(await verifierProblem(other, null)).not.toBeNull()
        expect(await verifierProblem(undefined, challenge)).not.toBeNull()
      }),
    )
  })

  it('a code challenge is refused unless its method is S256', () => {
    fc.assert(
      fc.property(
        fc.option(fc.oneof(fc.constant('a'.repeat(43)), anyText)),
        fc.option(fc.oneof(fc.constantFrom('S256', 'plain', 's256'), anyText)),
        fc.boolean(),
        (challenge, method, isMandatory) => {
          const given = Object.entries({ code_challenge: challenge, code_challenge_method: method })
          const fields = new Map(
            given.flatMap(([name, value]) => (value ? [[name, value] as const] : [])),
          )
          const read = unlessRefused(() => ({ challenge: readCodeChallenge(fields, isMandatory) }))
          if (read === null) return
          if (read.challenge === null) expect([isMandatory, fields.size]).toEqual([false, 0])
          else expect([read.challenge.length, method]).toEqual([43, 'S256'])
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('client authentication', () => {
  const formEncode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
  const base64 = (text: string) => Buffer.from(text, 'utf8').toString('base64')
  const wellFormed = anyText.map((text) => text.toWellFormed())

  it('Basic authentication yields the id and the secret that were encoded', () => {
    fc.assert(
      fc.property(wellFormed.filter(Boolean), wellFormed, (clientId, secret) => {
        const header = `Basic ${base64(`${formEncode(clientId)}:${formEncode(secret)}`)}`
        const presented = { clientId, secret, method: 'client_secret_basic' }
        expect(readClientAuthentication(new Map(), header)).toEqual(presented)
      }),
      { numRuns: 500 },
    )
  })

  it('an Authorization header that is not well-formed Basic is refused, and reading it never throws', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.dictionary(
          fc.constantFrom('client_id', 'client_secret', 'client_assertion'),
          anyText.filter(Boolean),
        ),
        (text, given) => {
          const fields = new Map(Object.entries(given))
          for (const header of [text, `Basic ${text}`, `Basic ${base64(text)}`, undefined]) {
            const presented = unlessRefused(() => readClientAuthentication(fields, header))
            if (presented) expect(presented.clientId).not.toBe('')
            if (presented && header === undefined) expect(presented.clientId).toBe(given.client_id)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('the session cookie', () => {
  const pair = fc.tuple(
    fc.constantFrom('registry_session', '__Host-registry_session', 'a', ' registry_session'),
    madeOf(['a', 'b', '=', '"', ' ', 'é', ',', '\\'], 4),
  )

  it('the session cookie is read when the header has exactly one cookie of its name', () => {
    fc.assert(
      fc.property(
        fc.array(pair, { maxLength: 4 }),
        fc.constantFrom(...ISSUERS),
        (pairs, issuer) => {
          const header = pairs.map(([name, value]) => `${name}=${value}`).join('; ')
          const own = pairs.filter(
            ([name, value]) => name.trim() === sessionCookieName(issuer) && value.trim() !== '',
          )
          const reading = readSessionCookie(header, issuer)
          if (reading.kind === 'absent') expect(own).toEqual([])
          if (reading.kind !== 'session') return
          expect(own.map(([, value]) => value.trim())).toEqual([reading.token])
          expect(reading.token).toMatch(/^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,512}$/)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it('reading the session cookie from any Cookie header never throws', () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom(...ISSUERS), (header, issuer) => {
        expect(['absent', 'session', 'malformed']).toContain(readSessionCookie(header, issuer).kind)
      }),
    )
  })
})

describe('next_page', () => {
  const page = fc.oneof(
    anyText,
    fc.webUrl(),
    madeOf([
      ...ISSUERS,
      '/',
      '\\',
      '.',
      '..',
      '?',
      '#',
      '@',
      'evil.example',
      'blob:',
      'javascript:',
      'https:',
      '//',
      ':',
      '%2f',
      '\t',
      '\n',
      ' ',
      'a',
    ]),
  )

  it("the next page is a path on the issuer's origin for any text of next_page", () => {
    fc.assert(
      fc.property(page, fc.constantFrom(...ISSUERS), (asked, issuer) => {
        const path = ownPath(asked, issuer)
        expect(path).toMatch(/^\/(?!\/)[\x21-\x7e]*$/)
        expect(new URL(path, issuer).origin).toBe(issuer)
        expect(ownPath(path, issuer)).toBe(path)
        const address = new URL(loginAddress(path, issuer, 'https://accounts.example/login'))
        expect(address.origin).toBe('https://accounts.example')
        expect(new URL(address.searchParams.get('next_page') ?? '').origin).toBe(issuer)
        const own = new URL(loginAddress(path, issuer, null), issuer).searchParams.get('next_page')
        const cameBack = new URL(ownPath(own ?? '', issuer), issuer)
        expect(cameBack.pathname).toBe(new URL(path, issuer).pathname)
        expect([...cameBack.searchParams]).toEqual([...new URL(path, issuer).searchParams])
      }),
      {
        numRuns: 10_000,
        examples: [
          ['blob:https://registry.example', 'https://registry.example'],
          ['/.//evil.example', 'https://registry.example'],
        ],
      },
    )
  })
})

describe('the URL of the sign-in page', () => {
  const ISSUER = 'https://registry.example'
  const fill = (words: string) => words.repeat(Math.ceil(1300 / words.length)).slice(0, 1300)

  it.each([
    ['JSON', fill('{"user":"ada","to":["/a","/b"],"n":1},')],
    ['base64', fill('ab+cd/ef0123456789abcdefghi=')],
    ['a query of its own', fill('a=1&to=/papers/2101.00001&')],
    ['percent-encoded text', fill(encodeURIComponent('{"user":"ada lovelace","n":1}'))],
    ['words of another script', fill('état ')],
  ])(
    'the URL of the sign-in page with a state of 1.3 KB (%s) fits into the 4 KiB buffer of nginx',
    (_, state) => {
      const path = `/authorize?${new URLSearchParams({ client_id: 'a', state })}`
      const address = loginAddress(path, ISSUER, null)
      expect(address.length).toBeLessThan(3600)
      const own = new URL(address, ISSUER).searchParams.get('next_page') ?? ''
      expect(new URL(ownPath(own, ISSUER), ISSUER).searchParams.get('state')).toBe(state)
    },
  )
})

describe('the URI of a DPoP proof', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const jwk = await exportJWK(publicKey)
  const proofFor = (htu: string) =>
    new SignJWT({ htm: 'GET', htu, iat: 1000, jti: 'one' })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .sign(privateKey)
  const isFor = async (htu: string, url: string) => {
    const read = await readProof(
      await proofFor(htu),
      { method: 'GET', url, accessToken: null },
      1000,
    )
    return typeof read !== 'string'
  }

  /** One character of a path in two spellings that are equivalent by RFC 3986 §6.2.2. */
  const spelt = fc
    .tuple(fc.constantFrom(...'aZ09-._~'), fc.boolean(), fc.boolean())
    .map(([character, isEscaped, isLower]) => {
      const hex = `%${character.charCodeAt(0).toString(16).toUpperCase()}`
      return [character, isEscaped ? (isLower ? hex.toLowerCase() : hex) : character] as const
    })
  const segments = fc.array(spelt, { minLength: 1, maxLength: 4 })
  const isDots = (path: readonly (readonly [string, string])[]) =>
    path.every(([plain]) => plain === '.')

  it('two spellings of the htu of a DPoP proof are equal, and the query is ignored', async () => {
    const host = fc.constantFrom(
      'https://api.example',
      'HTTPS://API.example:443',
      'https://api.EXAMPLE',
    )
    const end = fc.constantFrom('', '?a=b', '#c', '?d#e')
    await fc.assert(
      fc.asyncProperty(segments, host, end, async (path, origin, rest) => {
        fc.pre(!isDots(path))
        const [plain, other] = [0, 1].map((index) => path.map((pair) => pair[index]).join(''))
        expect(await isFor(`${origin}/${other}${rest}`, `https://api.example/${plain}`)).toBe(true)
      }),
    )
  })

  it('an htu of a DPoP proof with another path is not equal, and comparing any text never throws', async () => {
    await fc.assert(
      fc.asyncProperty(segments, fc.oneof(anyText, fc.webUrl(), segments), async (path, other) => {
        fc.pre(!isDots(path))
        const plain = path.map(([character]) => character).join('')
        const url = `https://api.example/${plain}`
        if (typeof other === 'string') {
          expect(await isFor(other, url)).toBe(false)
          return
        }
        fc.pre(!isDots(other))
        const otherPlain = other.map(([character]) => character).join('')
        expect(await isFor(`https://api.example/${otherPlain}`, url)).toBe(otherPlain === plain)
      }),
    )
  })
})
