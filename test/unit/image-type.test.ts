/** The type of an image, read from its first bytes. */

import { describe, expect, it } from 'vitest'
import { IMAGE_TYPES, imageTypeOf } from '../../src/flows/logos.ts'

const bytesOf = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

describe('the type of an image', () => {
  it.each([
    ['\x89PNG\r\n\x1a\n and more', 'image/png'],
    ['\xff\xd8\xff\xe0', 'image/jpeg'],
    ['GIF87a', 'image/gif'],
    ['GIF89a;', 'image/gif'],
    ['RIFF\x10\0\0\0WEBPVP8 ', 'image/webp'],
  ])('a file that begins with %j is %s', (text, type) => {
    expect(imageTypeOf(bytesOf(text))).toBe(type)
    expect(IMAGE_TYPES).toContain(type)
  })

  it.each([
    '',
    'PNG\r\n\x1a\n',
    '\x89PNG\n\x1a\n',
    '\xff\xd8',
    'GIF88a',
    'RIFF\x10\0\0\0WAVE',
    'RIFF\x10\0\0\0WEB',
    '<svg xmlns="http://www.w3.org/2000/svg"/>',
    '<html><script>alert(1)</script>',
    ' GIF89a',
  ])('a file that begins with %j is not an image', (text) => {
    expect(imageTypeOf(bytesOf(text))).toBeNull()
  })
})
