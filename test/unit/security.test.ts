/** SECURITY.md and docs/security/threats.md cite files and tests that exist, and the pattern finds each credential. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isWellFormed, mintToken, TOKEN_PREFIXES, type TokenKind } from '../../src/crypto/token.ts'

const PAGE = readFileSync('SECURITY.md', 'utf8')
const THREATS = readFileSync('docs/security/threats.md', 'utf8')
const CITED_PATH = /`((?:src|test|examples)\/[^`\s]+\.\w+)`/g
/** A test file, then its cited titles. */
const CITED_TESTS = /`(test\/[^`\s]+)`((?:\s+“[^”]+”)+)/g
const SENTENCE = /“([^”]+)”/g

const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

/** The files and titles that a page cites and that do not exist. */
function faultsOf(page: string): string[] {
  const paths = [...page.matchAll(CITED_PATH)].map(([, path = '']) => path)
  const missing = [...new Set(paths)].filter((path) => !existsSync(path))
  const unsaid = [...page.matchAll(CITED_TESTS)].flatMap(([, file = '', sentences = '']) =>
    [...sentences.matchAll(SENTENCE)]
      .filter(([, sentence = '']) => !read(file).includes(sentence))
      .map(([, sentence = '']) => `${file}: ${sentence}`),
  )
  return [...missing, ...unsaid]
}

/** The rows of the tables of threats: those with four columns. */
const rows = THREATS.split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(' | '))
  .filter((cells) => cells.length === 4 && cells[3] !== 'test |')

describe('SECURITY.md and docs/security/threats.md', () => {
  it.each([
    ['SECURITY.md', PAGE],
    ['docs/security/threats.md', THREATS],
  ])('%s cites only files and test titles that exist', (_, page) => {
    expect(faultsOf(page)).toEqual([])
  })

  it('control: a citation of a missing file or a missing title is found', () => {
    expect(faultsOf('`src/nothing.ts`')).toEqual(['src/nothing.ts'])
    const file = 'test/workers/consent.test.ts'
    expect(faultsOf(`\`${file}\` “this is not so”`)).toEqual([`${file}: this is not so`])
  })

  it('every row of threats.md has a file and a test, or refers to another row', () => {
    expect(rows.length).toBeGreaterThan(140)
    for (const [threat, , file, test] of rows) {
      expect(file, threat).toMatch(/^`(src|examples)\//)
      expect(test, threat).toMatch(/^(`test\/[^`]+` “|see )/)
    }
  })

  it('the defence of every row of threats.md is one sentence', () => {
    for (const [threat, defence] of rows) {
      expect(defence, threat).toMatch(/\.$/)
      expect(defence, threat).not.toMatch(/[.!?] /)
    }
  })

  it.each(['2.1', '2.1.1', '2.1.2', '2.2.1', '2.2.2', '2.3', '2.4', '2.5', '2.6'])(
    'threats.md has one row for RFC 9700 §%s',
    (section) =>
      expect(rows.filter(([first]) => first?.startsWith(`| ${section} `))).toHaveLength(1),
  )

  it.each(Array.from({ length: 17 }, (_, index) => index + 1))(
    'threats.md has one row for RFC 9700 §4.%i',
    (section) => {
      expect(rows.filter(([first]) => first?.startsWith(`| 4.${section} `))).toHaveLength(1)
    },
  )
})

describe('the pattern for secret scanners', () => {
  const [, source = ''] = /```regex\n(.+)\n```/.exec(PAGE) ?? []
  const found = (text: string) => text.match(new RegExp(source, 'g'))
  const kinds = Object.keys(TOKEN_PREFIXES) as TokenKind[]

  it('the pattern for secret scanners finds every minted credential and nothing else', () => {
    for (const kind of kinds) {
      for (let times = 0; times < 100; times++) {
        const token = mintToken(kind)
        expect(found(`TOKEN="${token}"; curl -H 'Authorization: Bearer ${token}'`)).toEqual([
          token,
          token,
        ])
        expect(isWellFormed(kind, token)).toBe(true)
        // The pattern also finds text with a wrong checksum.
        const other = `${token.slice(0, 20)}${token[20] === 'A' ? 'B' : 'A'}${token.slice(21)}`
        expect(found(other)).toEqual([other])
        expect(isWellFormed(kind, other)).toBe(false)
      }
    }
    for (const text of [
      'reg_short',
      'register_me_please',
      `ghp_${'a'.repeat(49)}`,
      `xreg_${'a'.repeat(49)}`,
    ]) {
      expect(found(text)).toBeNull()
    }
  })

  it('SECURITY.md explains every prefix of a credential', () => {
    for (const prefix of Object.values(TOKEN_PREFIXES)) expect(PAGE).toContain(`| \`${prefix}\` |`)
  })
})

describe('the workers', () => {
  const FOLDERS = [
    'authenticator',
    'crypto',
    'domain',
    'flows',
    'http',
    'pages',
    'protocol',
    'routes',
    'resource-server',
    'stores',
  ]
  const sources = FOLDERS.flatMap((folder) =>
    readdirSync(`src/${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => ({ path: `src/${folder}/${name}`, text: read(`src/${folder}/${name}`) })),
  )
  const calls = (pattern: RegExp) =>
    sources.flatMap(({ path, text }) =>
      [...text.matchAll(pattern)].map(([call]) => `${path}: ${call}`),
    )

  it('the workers fetch no URL that a request names', () => {
    expect(
      calls(/(?<![.\w])(?:await|return|=>|=|\() *fetch\(|createRemoteJWKSet|new WebSocket/g),
      // A service asks the registry that its configuration names.
    ).toEqual(['src/resource-server/registry.ts: => fetch('])
    expect('const answer = await fetch(url)').toMatch(/(?:await|return|=>|=|\() *fetch\(/)
  })

  it('the workers redirect only with 303, so that a browser does not repeat a POST', () => {
    const all = calls(/\.redirect\([^\n]*/g)
    expect(all.length).toBeGreaterThan(5)
    expect(all.filter((call) => !/, 303\)/.test(call))).toEqual([])
  })
})
