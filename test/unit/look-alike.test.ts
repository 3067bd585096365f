/** Names that look like the name of the service. */

import { describe, expect, it } from 'vitest'
import { looksLike } from '../../src/domain/fold-text.ts'

describe('a name that looks like the name of the service', () => {
  it.each([
    'arXiv',
    'ARXIV',
    'The official arXiv app',
    'a r X i v',
    'arXív',
    'аrХіv',
    'αrxιν',
    'arX1v',
    'arXlv',
    'arXiv\u200b',
    'ａｒＸｉｖ',
    'arrXiv',
    'ArXivOfficial',
    'ar-xiv',
  ])('the name %s looks like arXiv', (name) => {
    expect(looksLike(name, 'arXiv')).toBe(true)
  })

  it.each(['Paper Assistant', 'archive', 'Registry', '', '🦊'])(
    'control: %s does not look like arXiv',
    (name) => {
      expect(looksLike(name, 'arXiv')).toBe(false)
    },
  )

  it('a name looks like a short service name only if one of its words does', () => {
    expect(looksLike('The Hub helper', 'Hub')).toBe(true)
    expect(looksLike('h u b', 'Hub')).toBe(true)
    expect(looksLike('GitHub helper', 'Hub')).toBe(false)
  })

  it('a pair of letters that looks like one letter is compared as that letter', () => {
    expect(looksLike('Exarnple', 'Example')).toBe(true)
    expect(looksLike('VVorld', 'World')).toBe(true)
    expect(looksLike('Claily News', 'Daily News')).toBe(true)
  })

  it('no name looks like a service name without letters', () => {
    expect(looksLike('anything', '***')).toBe(false)
  })
})
