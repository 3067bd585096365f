/** The operator's own name, logo, colours and links, which every page shows. */

import type { Scheme } from './accent.ts'

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
