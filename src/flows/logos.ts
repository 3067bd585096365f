/** The logo of a client: it is fetched once, checked to be an image, and kept as long as a client names its address. */

import { contentDigest } from '../crypto/digest.ts'
import type { FetchBounded } from '../protocol/outbound.ts'
import { quote } from '../protocol/registration/errors.ts'
import type { LogoStore } from '../stores/logos.ts'

const ascii = (text: string) => [...text].map((character) => character.charCodeAt(0))

/** How a file of each kind begins; null stands for any byte. SVG is not listed, because it can hold scripts and links. */
const SIGNATURES: readonly (readonly [mediaType: string, ...first: readonly (number | null)[]])[] =
  [
    ['image/png', 0x89, ...ascii('PNG\r\n\x1a\n')],
    ['image/jpeg', 0xff, 0xd8, 0xff],
    ['image/gif', ...ascii('GIF87a')],
    ['image/gif', ...ascii('GIF89a')],
    ['image/webp', ...ascii('RIFF'), null, null, null, null, ...ascii('WEBP')],
  ]

export const IMAGE_TYPES: readonly string[] = [...new Set(SIGNATURES.map(([type]) => type))]

/** Null for bytes that are none of `IMAGE_TYPES`. */
export const imageTypeOf = (bytes: Uint8Array): string | null =>
  SIGNATURES.find(([, ...first]) =>
    first.every((byte, index) => byte === null || byte === bytes[index]),
  )?.[0] ?? null

export const MAX_LOGO_BYTES = 65_536
const DEADLINE_SECONDS = 3

type LogoDeps = Readonly<{
  logos: Pick<LogoStore, 'missingOf' | 'claim' | 'keep'>
  fetchBounded: FetchBounded
}>

/** Why there is no image. `sentence` has no full stop. `isLater`: no request was sent now, and a later one may succeed. */
type Missing = Readonly<{ sentence: string; isLater: boolean }>

const failed = (sentence: string): Missing => ({ sentence, isLater: false })

/** Fetches the client's logo, unless it has none or the image is stored. Returns null, or why there is no image yet. */
export async function fetchLogo(
  clientId: string,
  { logos, fetchBounded }: LogoDeps,
  now: number,
): Promise<Missing | null> {
  const logoUri = await logos.missingOf(clientId)
  if (logoUri === null) return null
  const logo = `the logo ${quote(logoUri)}`
  const claim = await logos.claim(logoUri, now)
  if (claim === 'blocked') return failed(`${logo} is not shown: an operator has blocked its host`)
  if (claim === 'later') {
    const why = 'its host was asked a moment ago, or too many logos are kept'
    return { sentence: `${logo} is fetched later: ${why}`, isLater: true }
  }
  const fetched = await fetchBounded({
    url: logoUri,
    accept: IMAGE_TYPES,
    maxBytes: MAX_LOGO_BYTES,
    deadlineSeconds: DEADLINE_SECONDS,
  })
  if (fetched.kind === 'failed') {
    return failed(`${logo} is not shown: its address ${fetched.reason}`)
  }
  const { bytes } = fetched
  const mediaType = imageTypeOf(bytes)
  if (mediaType === null) {
    return failed(`${logo} is not shown: it is no PNG, JPEG, GIF or WebP image`)
  }
  await logos.keep(logoUri, { digest: await contentDigest(bytes), mediaType, bytes })
  return null
}
