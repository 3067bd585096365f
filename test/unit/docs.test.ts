/** README.md, CONTRIBUTING.md, SECURITY.md and docs/: their length, their links and their generated parts. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ERRORS_PAGE, errorsPage } from '../../src/local/errors-page.ts'
import { explanations } from '../../src/pages/error-explanations.ts'

const MAX_README_LINES = 220
const read = (path: string) => readFileSync(path, 'utf8')
/** The log's events: `log('request', …)`, `logFault('bad_setting', …)`, `logWithId(…)`. */
const eventsIn = (source: string) =>
  [...source.matchAll(/\blog(?:Fault|WithId)?\(\s*'([a-z_]+)'/g)].map(([, event = '']) => event)
const lengthOf = (text: string) => text.trimEnd().split('\n').length

const documents = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'bench/README.md'],
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

const withoutCode = (page: string) => page.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')

const anchorsOf = (page: string) =>
  [...withoutCode(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading))

/** The links of a page in `folder` whose file or heading does not exist. */
function brokenLinks(page: string, path: string): string[] {
  const links = [...withoutCode(page).matchAll(/\]\((?!https?:)([^)]+)\)/g)].map(
    ([, to = '']) => to,
  )
  return links.filter((link) => {
    const [file = '', anchor] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file)
    if (file !== '' && !existsSync(target)) return true
    if (anchor === undefined) return false
    return !anchorsOf(file === '' ? page : read(target)).includes(anchor)
  })
}

describe('the documents', () => {
  it(`README.md has at most ${MAX_README_LINES} lines`, () => {
    expect(lengthOf(read('README.md'))).toBeLessThanOrEqual(MAX_README_LINES)
  })

  it.each(documents)('each link of %s leads to a file and a heading that exist', (path) => {
    expect(brokenLinks(read(path), path)).toEqual([])
  })

  it('control: a link to a missing file, page or heading is found', () => {
    const page =
      '# One\n[a](nothing.md) [b](README.md#nothing) [c](#one) [d](#two) [e](https://x.example)'
    expect(brokenLinks(page, 'PAGE.md')).toEqual(['nothing.md', 'README.md#nothing', '#two'])
  })

  it('README.md leads to every page of docs/', () => {
    const readme = read('README.md')
    const pages = documents.filter((path) => path.startsWith('docs/'))
    expect(pages.filter((path) => !readme.includes(`](${path}`))).toEqual([])
  })

  it('each page of docs/ begins with something to paste or a command, before its first table', () => {
    const isLate = (path: string) => {
      const page = read(path)
      const code = page.indexOf('```')
      return code === -1 || lengthOf(page.slice(0, code)) > 20
    }
    const pages = documents.filter((path) => /^docs\/[a-z-]+\.md$/.test(path))
    expect(pages.filter(isLate)).toEqual([])
  })

  it('the first sentence of each page of docs/ says for which reader it is', () => {
    const isForAnyone = (path: string) => !/^(<!--.*-->\n)?# .+\n\nFor \w/.test(read(path))
    expect(documents.filter((path) => path.startsWith('docs/')).filter(isForAnyone)).toEqual([])
  })
})

describe('docs/operate.md', () => {
  it('docs/operate.md says for every log event when to act on it', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
    const sources = files
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => read(join('src', name)))
    const events = new Set(sources.flatMap(eventsIn))
    const page = read('docs/operate.md')
    expect(events.size).toBeGreaterThan(15)
    expect([...events].filter((event) => !page.includes(event))).toEqual([])
  })

  it('control: an event whose name is on a separate line is found', () => {
    expect(eventsIn("log(\n  'one', {})\nlogFault('two', fault)\nsignOut('three')")).toEqual([
      'one',
      'two',
    ])
  })
})

describe('docs/errors.md', () => {
  it('docs/errors.md equals the output of npm run docs', () => {
    expect(read(ERRORS_PAGE)).toBe(errorsPage())
  })

  it('docs/errors.md has a section for every error code', () => {
    expect(anchorsOf(errorsPage()).slice(1)).toEqual(explanations().map(({ code }) => code))
  })
})
