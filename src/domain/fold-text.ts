/** One key for texts that look the same to a person. */

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
