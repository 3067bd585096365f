/** The key of a username, which is the same for every case and Unicode form. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { usernameKey } from '../../src/domain/user.ts'

const SAME: readonly (readonly string[])[] = [
  ['ada', 'Ada', 'ADA', ' ada', 'ada ', '\u00a0ada', 'a\u200bda', 'a\u00adda', '\ufeffada'],
  ['müller', 'Müller', 'MÜLLER', 'mu\u0308ller', 'MU\u0308LLER'],
  ['straße', 'STRASSE', 'STRAẞE', 'strasse'],
  ['σίσυφος', 'ΣΊΣΥΦΟΣ', 'σίσυφοσ'],
  ['ｆｕｌｌ', 'full', 'ＦＵＬＬ'],
  ['ﬁn', 'fin', 'FIN'],
  ['Ångström', 'A\u030angstro\u0308m', '\u212bngström'],
]

describe('username keys', () => {
  it.each(SAME)(
    'the key of the username %j is the same for its other spellings',
    (...spellings) => {
      expect(new Set(spellings.map(usernameKey))).toEqual(
        new Set([usernameKey(spellings[0] ?? '')]),
      )
    },
  )

  it('different usernames have different keys', () => {
    const keys = SAME.map(([first = '']) => usernameKey(first))
    expect(new Set([...keys, usernameKey('muller'), usernameKey('mueller')]).size).toBe(
      SAME.length + 2,
    )
  })

  it('the key of an ASCII username is its lower case, which a migration can compute in SQL', () => {
    const ascii = fc.string({
      unit: fc.integer({ min: 33, max: 126 }).map((code) => String.fromCharCode(code)),
    })
    fc.assert(fc.property(ascii, (name) => usernameKey(name) === name.toLowerCase()))
  })

  it('the key of a key in any Unicode form or case is the key itself', () => {
    const word = fc.string({ unit: 'grapheme', maxLength: 12 })
    fc.assert(
      fc.property(word, (name) => {
        const key = usernameKey(name)
        for (const other of [
          key,
          ...['NFC', 'NFD', 'NFKC', 'NFKD'].map((form) => name.normalize(form)),
          name.toLowerCase(),
          name.toUpperCase(),
        ]) {
          expect(usernameKey(other)).toBe(key)
        }
      }),
      { numRuns: 3000 },
    )
  })
})
