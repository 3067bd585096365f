/** The logo of a client: fetched once, checked to be an image, and kept as long as a client names its address. */

import { contentDigest } from '../crypto/digest.ts'
import { IMAGE_TYPES, imageTypeOf } from '../domain/image-type.ts'
import type { FetchBounded } from '../protocol/outbound.ts'
import { quote } from '../protocol/registration/errors.ts'
import type { LogoStore } from '../stores/ports.ts'

export const MAX_LOGO_BYTES = 65_536
const DEADLINE_SECONDS = 3

type LogoDeps = Readonly<{
  logos: Pick<LogoStore, 'missingOf' | 'claim' | 'keep'>
  fetchBounded: FetchBounded
}>

/** `sentence` has no full stop. `isLater`: its address was not asked now. */
type Missing = Readonly<{ sentence: string; isLater: boolean }>

const failed = (sentence: string): Missing => ({ sentence, isLater: false })

/** Does nothing for a client without a logo, or whose logo is here. Otherwise returns null, or why there is no image yet. */
export async function fetchLogo(
  clientId: string,
  { logos, fetchBounded }: LogoDeps,
  now: number,
): Promise<Missing | null> {
  const logoUri = await logos.missingOf(clientId)
  if (logoUri === null) return null
  const logo = `the logo ${quote(logoUri)}`
  if (!(await logos.claim(logoUri, now))) {
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
