/**
 * Texts that look the same to a person: how they get the same key, and whether an application's name looks like that of the
 * service.
 */

/** Lower case alone would distinguish ß and ẞ from SS; upper case alone would distinguish İ from i̇. */
const foldCase = (text: string) => text.toLowerCase().toUpperCase().toLowerCase()

/**
 * The keys are equal for texts that differ only in case, in Unicode form (NFC, NFD, full width, ligatures) or in invisible
 * characters. The rule is close to NFKC_Casefold of Unicode §3.13, and idempotent.
 */
export const foldText = (text: string) =>
  foldCase(
    foldCase(text.normalize('NFKC').replace(/\p{Default_Ignorable_Code_Point}/gu, '')).normalize(
      'NFKC',
    ),
  ).normalize('NFKC')

/** The keys are also equal for texts that differ only in accents. */
export const foldAccents = (text: string) => foldText(text).normalize('NFD').replace(/\p{M}/gu, '')

/** The characters of each group look like its first one. All are in lower case, except Greek capitals that look Latin. */
const LOOK_ALIKES = [
  ...['a@4αа', 'b8βв', 'cсϲ', 'dԁ', 'e3еεє', 'gɡ9', 'hһнη', 'i1lјjıιіӏ!|', 'kκк', 'mм', 'nпո'],
  ...['o0οоօσ', 'pρр', 'qԛ', 'rг', 's5ѕ$', 't7τт', 'uυս', 'vνѵ', 'wωԝш', 'xχх', 'yγуү', 'z2ζ'],
]
const LIKE = new Map(
  LOOK_ALIKES.flatMap((group) => [...group].map((character) => [character, group.charAt(0)])),
)
/** A shorter name is part of many words, so only whole words are compared with it. */
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

/** Does the name look like the service's name? The compared texts are skeletons in the words of Unicode TS 39 §4. */
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
