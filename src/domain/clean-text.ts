/** Text that a stranger wrote and people read: no character that is not seen, or that changes the text around it. */

/** Control, format (which direction, which joins), private-use and unassigned characters, and half surrogate pairs. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu
/** One letter with more marks than any language has would cover the lines around it. */
const PILED_MARKS = /(\p{M}{3})\p{M}+/gu

/** In Unicode's composed form, on one line, with single spaces. May be empty. */
export const cleanText = (text: string) =>
  text
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .replace(UNSEEN, '')
    .replace(PILED_MARKS, '$1')
    .replace(/ {2,}/g, ' ')
    .trim()
