/** RFC 6749 §5.2: an error_description has no character outside %x20-21 / %x23-5B / %x5D-7E. */

import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** The sentences of OAuthErrors that are literals. */
const DESCRIPTION = /new OAuthError\(\s*'\w+',\s*(['"`])((?:(?!\1).)*)\1/g
const ALLOWED = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/

const descriptionsIn = (source: string) =>
  [...source.matchAll(DESCRIPTION)].map(([, , sentence = '']) => sentence)

it('every error_description has only the characters that RFC 6749 allows', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const sentences = files
    .filter((name) => /\.tsx?$/.test(name))
    .flatMap((name) => descriptionsIn(readFileSync(`src/${name}`, 'utf8')))
  expect(sentences.length).toBeGreaterThan(30)
  expect(sentences.filter((sentence) => !ALLOWED.test(sentence))).toEqual([])
})

it('control: the search finds an error_description with a double quote', () => {
  const [sentence = ''] = descriptionsIn(`new OAuthError(\n 'invalid_request', 'A "quoted" word.')`)
  expect(sentence).toBe('A "quoted" word.')
  expect(ALLOWED.test(sentence)).toBe(false)
})
