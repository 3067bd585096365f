/** The settings of the pages: the operator's name, logo, accent colour and links. They are part of the list in config.ts. */

import {
  type Branding,
  DEFAULT_BRANDING,
  isColour,
  LEAST_CONTRAST,
  leastContrast,
  legibleShade,
  type Scheme,
} from './domain/branding.ts'
import { publicUrlProblem } from './protocol/public-url.ts'

const MAX_NAME_LENGTH = 40
/** A variable of a Worker has at most 5 KB. */
const MAX_SVG_LENGTH = 5000
/** Control characters, line breaks, and characters that change the direction of the text around them. */
const UNFIT_FOR_NAME = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
const SVG = /^<svg\s[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"[\s\S]*<\/svg>$/
const MAILTO = /^mailto:[^\s@?]+@[^\s@]+$/

/** A value that is not set gets the default. */
const withDefault =
  <T>(fallback: T, read: (text: string) => T) =>
  (given: unknown): T =>
    given === undefined ? fallback : read(String(given).trim())

function serviceName(text: string) {
  if (text !== '' && text.length <= MAX_NAME_LENGTH && !UNFIT_FOR_NAME.test(text)) return text
  throw new Error(`must be 1 to ${MAX_NAME_LENGTH} visible characters`)
}

function logo(text: string): Branding['logo'] {
  if (text.length <= MAX_SVG_LENGTH && SVG.test(text)) return { svg: text }
  // The Content Security Policy names the URL, and cannot contain a query.
  if (publicUrlProblem(text) === null && !/[?;,]/.test(text)) return { url: text }
  throw new Error(
    `must be the text of an SVG image with its xmlns, at most ${MAX_SVG_LENGTH} characters long, or the https URL of an image without ? ; and ,`,
  )
}

const colour = (scheme: Scheme) => (text: string) => {
  if (!isColour(text)) throw new Error('must be a colour of the form #0b5f70')
  const ratio = leastContrast(text, scheme)
  if (ratio >= LEAST_CONTRAST) return text.toLowerCase()
  const wanted = scheme === 'light' ? 'darker' : 'lighter'
  throw new Error(
    `must be ${wanted}: its contrast on ${scheme} pages is ${ratio.toFixed(1)} to 1, and WCAG AA requires ${LEAST_CONTRAST} to 1`,
  )
}

const address = (mayBeMail: boolean) => (text: string) => {
  if ((mayBeMail && MAILTO.test(text)) || publicUrlProblem(text.split('#')[0] ?? '') === null) {
    return text
  }
  throw new Error(
    `must be an https URL, or http on a loopback address, without a password${mayBeMail ? ', or a mailto: address' : ''}`,
  )
}

const link = (mayBeMail = false) => ({
  read: withDefault<string | null>(null, address(mayBeMail)),
  values: mayBeMail ? 'URL, `mailto:`' : 'URL',
  fallback: '',
})

export const PAGE_SETTINGS = {
  SERVICE_NAME: {
    read: withDefault(DEFAULT_BRANDING.serviceName, serviceName),
    values: `text, at most ${MAX_NAME_LENGTH} characters`,
    fallback: `\`${DEFAULT_BRANDING.serviceName}\``,
  },
  LOGO: { read: withDefault(null, logo), values: 'SVG, URL', fallback: '' },
  ACCENT_COLOUR: {
    read: withDefault<string | null>(null, colour('light')),
    values: '`#rrggbb`',
    fallback: `\`${DEFAULT_BRANDING.accent.light}\``,
  },
  ACCENT_COLOUR_DARK: {
    read: withDefault<string | null>(null, colour('dark')),
    values: '`#rrggbb`',
    fallback: 'a lighter `ACCENT_COLOUR`',
  },
  TERMS_URL: link(),
  PRIVACY_URL: link(),
  SUPPORT_URL: link(true),
  FORGOT_PASSWORD_URL: link(),
}

/** Null if the setting is not set. Without a colour for dark pages, a lighter shade of the other colour is used. */
export const accentOf = (light: string | null, dark: string | null): Branding['accent'] => ({
  light: light ?? DEFAULT_BRANDING.accent.light,
  dark: dark ?? (light === null ? DEFAULT_BRANDING.accent.dark : legibleShade(light, 'dark')),
})
