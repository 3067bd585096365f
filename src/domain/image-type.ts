/** Which kind of image the first bytes of a file say it is. SVG is none: it can hold scripts and links. */

const ascii = (text: string) => [...text].map((character) => character.charCodeAt(0))

/** Null stands for any byte. */
const SIGNATURES: readonly (readonly [mediaType: string, ...first: readonly (number | null)[]])[] =
  [
    ['image/png', 0x89, ...ascii('PNG\r\n\x1a\n')],
    ['image/jpeg', 0xff, 0xd8, 0xff],
    ['image/gif', ...ascii('GIF87a')],
    ['image/gif', ...ascii('GIF89a')],
    ['image/webp', ...ascii('RIFF'), null, null, null, null, ...ascii('WEBP')],
  ]

export const IMAGE_TYPES: readonly string[] = [...new Set(SIGNATURES.map(([type]) => type))]

/** Null for what is none of `IMAGE_TYPES`. */
export const imageTypeOf = (bytes: Uint8Array): string | null =>
  SIGNATURES.find(([, ...first]) =>
    first.every((byte, index) => byte === null || byte === bytes[index]),
  )?.[0] ?? null
