/** The operator's own name, logo, colours and links, which every page shows, and the contrast of the accent colour (WCAG 2.2 §1.4.3). */

export type Branding = Readonly<{
  serviceName: string
  /** An image, by its https URL or as the text of an SVG; null for the shield. */
  logo: Readonly<{ url: string }> | Readonly<{ svg: string }> | null
  /** `#rrggbb` for each colour scheme. */
  accent: Readonly<Record<Scheme, string>>
  /** Addresses: https, or `mailto:` for support. Null if there is none. */
  links: Readonly<Record<'terms' | 'privacy' | 'support' | 'forgotPassword', string | null>>
}>

export const DEFAULT_BRANDING: Branding = {
  serviceName: 'Registry',
  logo: null,
  accent: { light: '#0b5f70', dark: '#6cc5d6' },
  links: { terms: null, privacy: null, support: null, forgotPassword: null },
}

/** The backgrounds of the accent colour. Text on the accent colour has the colour `onAccent`, one of these backgrounds. */
export const GROUNDS = {
  light: { ground: '#f2f5f6', surface: '#ffffff', sunken: '#f5f8f9', onAccent: '#ffffff' },
  dark: { ground: '#11171a', surface: '#1a2226', sunken: '#212b30', onAccent: '#11171a' },
} as const
export type Scheme = keyof typeof GROUNDS

/** The colour that is mixed in to give a shade more contrast. */
const STRONGEST = { light: '#000000', dark: '#ffffff' } as const
export const LEAST_CONTRAST = 4.5

export const isColour = (text: string) => /^#[0-9a-f]{6}$/i.test(text)

const channels = (colour: string) =>
  [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16))

function luminance(colour: string) {
  const parts = channels(colour).map((channel) => {
    const part = channel / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  const [red, green, blue] = parts as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** A contrast from 1 to 21. Colours are `#rrggbb`. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

export const leastContrast = (colour: string, scheme: Scheme) =>
  Math.min(...Object.values(GROUNDS[scheme]).map((ground) => contrast(colour, ground)))

const mixed = (colour: string, other: string, share: number) => {
  const added = channels(other) as [number, number, number]
  return `#${channels(colour)
    .map((channel, at) => Math.round(channel + ((added[at] as number) - channel) * share))
    .map((channel) => channel.toString(16).padStart(2, '0'))
    .join('')}`
}

/** The shade of a link or button under the pointer. */
export const strongerShade = (colour: string, scheme: Scheme) =>
  mixed(colour, STRONGEST[scheme], 0.22)

/** The colour itself, or the nearest shade of it with enough contrast in this scheme. */
export function legibleShade(colour: string, scheme: Scheme): string {
  const shades = Array.from({ length: 21 }, (_, step) =>
    mixed(colour, STRONGEST[scheme], step / 20),
  )
  // The last shade is the strongest colour itself, which has enough contrast.
  return shades.find((shade) => leastContrast(shade, scheme) >= LEAST_CONTRAST) as string
}
