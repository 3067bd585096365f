/** The settings of the operator's branding, and how the pages show it. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readSettings, startProblems } from '../../src/config.ts'
import {
  contrast,
  DEFAULT_BRANDING,
  GROUNDS,
  leastContrast,
  legibleShade,
  type Scheme,
  strongerShade,
} from '../../src/domain/branding.ts'
import { ErrorPage } from '../../src/pages/error-page.tsx'
import { iconOf } from '../../src/pages/layout.tsx'
import { BRANDED, html, login, named } from './page-samples.tsx'

const ISSUER = 'https://auth.example.org'
const SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z"/></svg>'
const brandingOf = (given: Record<string, string>) => readSettings({ ISSUER, ...given }).branding

describe('the settings of the pages', () => {
  it('a registry without branding settings is called Registry and shows a shield', () => {
    expect(brandingOf({})).toEqual(DEFAULT_BRANDING)
    expect(iconOf(DEFAULT_BRANDING)).toContain(`fill="${DEFAULT_BRANDING.accent.light}"`)
  })

  it('every branding setting becomes a part of the branding', () => {
    expect(
      brandingOf({
        ...{ SERVICE_NAME: ' Österreichisches Archiv ', LOGO: 'https://static.example/logo.png' },
        ...{ ACCENT_COLOUR: '#7A1F3D', ACCENT_COLOUR_DARK: '#ffb3c7' },
        ...{ TERMS_URL: 'https://www.example/terms#use', PRIVACY_URL: 'https://www.example/p' },
        ...{ SUPPORT_URL: 'mailto:help@example.org?subject=Help' },
        FORGOT_PASSWORD_URL: 'http://127.0.0.1:9000/reset',
      }),
    ).toEqual({
      serviceName: 'Österreichisches Archiv',
      logo: { url: 'https://static.example/logo.png' },
      accent: { light: '#7a1f3d', dark: '#ffb3c7' },
      links: {
        terms: 'https://www.example/terms#use',
        privacy: 'https://www.example/p',
        support: 'mailto:help@example.org?subject=Help',
        forgotPassword: 'http://127.0.0.1:9000/reset',
      },
    })
    expect(brandingOf({ LOGO: `\n${SVG}\n` }).logo).toEqual({ svg: SVG })
  })

  it.each([
    ['SERVICE_NAME', ' '],
    ['SERVICE_NAME', 'x'.repeat(41)],
    ['SERVICE_NAME', 'Good \u202eeman'],
    ['SERVICE_NAME', 'two\nlines'],
    ['LOGO', 'logo.png'],
    ['LOGO', 'http://static.example/logo.png'],
    ['LOGO', 'https://static.example/logo.png?v=2'],
    ['LOGO', "https://static.example/logo.png; script-src 'self'"],
    ['LOGO', 'https://static.example/a,b'],
    ['LOGO', 'data:image/png;base64,AAAA'],
    ['LOGO', '<svg viewBox="0 0 9 9"></svg>'],
    ['LOGO', SVG.replace('/>', `/>${'<g/>'.repeat(1300)}`)],
    ['ACCENT_COLOUR', 'teal'],
    ['ACCENT_COLOUR', '#abc'],
    ['ACCENT_COLOUR', '#6cc5d6'],
    ['ACCENT_COLOUR_DARK', '#0b5f70'],
    ['TERMS_URL', 'javascript:alert(1)'],
    ['TERMS_URL', 'mailto:help@example.org'],
    ['PRIVACY_URL', '/privacy'],
    ['SUPPORT_URL', 'help@example.org'],
    ['SUPPORT_URL', 'mailto:help'],
    ['FORGOT_PASSWORD_URL', 'https://user:word@www.example/'],
  ])(
    'the bad setting %s=%j stops the registry with an error that names the setting without its value',
    (name, value) => {
      const read = () => brandingOf({ [name]: value })
      expect(read).toThrow(new RegExp(`^${name}: must be `))
      if (value.trim() !== '') expect(read).not.toThrow(value)
      const problems = startProblems('registry', { ISSUER, [name]: value })
      expect(problems.filter((problem) => problem.startsWith(`${name}: `))).toHaveLength(1)
    },
  )

  it('a colour without enough contrast is refused with its contrast and the direction to change it', () => {
    expect(() => brandingOf({ ACCENT_COLOUR: '#ffcc00' })).toThrow(
      'ACCENT_COLOUR: must be darker: its contrast on light pages is 1.4 to 1, and WCAG AA requires 4.5 to 1',
    )
    expect(() => brandingOf({ ACCENT_COLOUR_DARK: '#333333' })).toThrow(
      /^ACCENT_COLOUR_DARK: must be lighter: its contrast on dark pages is 1\.\d to 1/,
    )
  })

  it('the authenticator ignores the settings of the pages', () => {
    const problems = startProblems('authenticator', { ISSUER, ACCENT_COLOUR: 'teal' })
    expect(problems.join()).not.toContain('ACCENT_COLOUR')
  })
})

describe('the accent colour', () => {
  const colour = fc
    .integer({ min: 0, max: 0xffffff })
    .map((n) => `#${n.toString(16).padStart(6, '0')}`)

  it('every accent colour gets a shade for dark pages, and every accepted colour and its stronger shade are legible', () => {
    fc.assert(
      fc.property(colour, (light) => {
        const shade = legibleShade(light, 'dark')
        const isLegible = (one: string, scheme: Scheme) =>
          Object.values(GROUNDS[scheme]).every((ground) => contrast(one, ground) >= 4.5)
        expect(isLegible(shade, 'dark')).toBe(true)
        expect(isLegible(strongerShade(shade, 'dark'), 'dark')).toBe(true)
        if (leastContrast(light, 'light') < 4.5) return
        expect(brandingOf({ ACCENT_COLOUR: light }).accent).toEqual({ light, dark: shade })
        expect(isLegible(strongerShade(light, 'light'), 'light')).toBe(true)
      }),
    )
  })

  it('control: white on white has a contrast of 1 to 1, and black on white the greatest', () => {
    expect(contrast('#ffffff', '#ffffff')).toBe(1)
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
  })
})

describe('a branded page', () => {
  const page = login({ branding: BRANDED })
  const hrefs = (text: string) => named(text, 'a').map(({ attributes }) => attributes.href)

  it('a branded page has the name of the service in its title and in its header, which links to the start page', () => {
    expect(page).toContain('<title>Sign in · Example &lt;Archive&gt;</title>')
    expect(page).toMatch(/<a class="brand" href="\/">.*<bdi>Example &lt;Archive&gt;<\/bdi><\/a>/)
  })

  it('a branded page shows the logo and links to terms, privacy policy, support and password reset', () => {
    expect(named(page, 'img').map(({ attributes }) => attributes.src)).toEqual([
      'https://static.example/logo.png',
    ])
    expect(hrefs(page)).toEqual([
      '/',
      'https://www.example/reset',
      'https://www.example/terms',
      'https://www.example/privacy',
      'mailto:help@example.org',
    ])
  })

  it('an SVG logo is loaded from the registry itself', () => {
    const own = login({ branding: { ...BRANDED, logo: { svg: SVG } } })
    expect(named(own, 'img').map(({ attributes }) => attributes.src)).toEqual(['/icon.svg'])
    expect(iconOf({ ...BRANDED, logo: { svg: SVG } })).toBe(SVG)
    expect(own).not.toContain('static.example')
  })

  it('control: a page without branding links only to the start page', () => {
    expect(hrefs(login())).toEqual(['/'])
    expect(login()).not.toContain('<footer')
  })

  it('an error page links to the operator if SUPPORT_URL is set', () => {
    const props = { title: 'T', message: 'M', hint: null, reference: 'K7', explanation: null }
    const text = html(<ErrorPage branding={BRANDED} {...props} />)
    expect(text).toContain('<a href="mailto:help@example.org">the operator</a>')
    expect(html(<ErrorPage branding={DEFAULT_BRANDING} {...props} />)).toContain(
      'Tell the operator',
    )
  })
})
