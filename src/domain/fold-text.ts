/** Texts that look the same to a person: one key for them, and whether an application's name looks like that of the service. */

/** Lower case only would keep ß and ẞ apart from SS; upper case only would keep İ apart from i̇. */
const foldCase = (text: string) => text.toLowerCase().toUpperCase().toLowerCase()

/**
 * Equal for texts that differ only in case, in Unicode form (NFC, NFD, full width, ligatures) or in invisible characters.
 * About NFKC_Casefold of Unicode §3.13. Idempotent.
 */
export const foldText = (text: string) =>
  foldCase(
    foldCase(text.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '')).normalize(
      'NFKC',
    ),
  ).normalize('NFKC')

/** The same key for texts that also differ in accents alone. */
export const foldAccents = (text: string) => foldText(text).normalize('NFD').replace(/\p{M}/gu, '')

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

/** Unicode TS 39 §4 calls what is compared a skeleton. */
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
