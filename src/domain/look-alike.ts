/** Does an application's name look like the name of the service? Unicode TS 39 §4 calls what is compared a skeleton. */

import { foldAccents } from './fold-text.ts'

/** Each group of characters looks like its first one. In lower case, but for the capitals of Greek that look Latin. */
const LOOK_ALIKES = [
  ...['a@4αа', 'b8βв', 'cсϲ', 'dԁ', 'e3еεє', 'gɡ9', 'hһнη', 'i1lјjıιіӏ!|', 'kκк', 'mм', 'nпո'],
  ...['o0οоօσ', 'pρр', 'qԛ', 'rг', 's5ѕ$', 't7τт', 'uυս', 'vνѵ', 'wωԝш', 'xχх', 'yγуү', 'z2ζ'],
]
const LIKE = new Map(
  LOOK_ALIKES.flatMap((group) => [...group].map((character) => [character, group.charAt(0)])),
)
/** A shorter name is part of many words, so only the same words count. */
const LEAST_PART = 4

const skeleton = (word: string) =>
  [...word]
    .map((character) => LIKE.get(character) ?? character)
    .join('')
    .replace(/[^\p{L}\p{N}]/gu, '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('ci', 'd')
    .replace(/(.)\1+/gu, '$1')

const wordsOf = (name: string) =>
  foldAccents(name)
    .split(/\s+/)
    .filter((word) => word !== '')

export function looksLike(name: string, service: string): boolean {
  const wanted = skeleton(wordsOf(service).join(''))
  if (wanted === '') return false
  const words = wordsOf(name)
  if (wanted.length >= LEAST_PART) return skeleton(words.join('')).includes(wanted)
  return words.some((_, from) =>
    words
      .slice(from)
      .some((_, more) => skeleton(words.slice(from, from + more + 1).join('')) === wanted),
  )
}
