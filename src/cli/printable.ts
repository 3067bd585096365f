/** Text for a terminal. */

/**
 * Control characters (C0 and C1), line separators and the marks that turn the direction of writing, as escapes of JSON:
 * a name must not move the cursor or look like another name. JSON stays the same JSON.
 */
export const printable = (text: string) =>
  text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu,
    (character) =>
      SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
