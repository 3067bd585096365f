/** The stylesheet: its contrasts in both colour schemes, and that it fetches nothing. */

import { describe, expect, it } from 'vitest'
import { contrast, DEFAULT_BRANDING } from '../../src/domain/branding.ts'
import { stylesheet } from '../../src/pages/stylesheet.ts'

const STYLESHEET = stylesheet(DEFAULT_BRANDING.accent)

describe('the stylesheet', () => {
  const [light = {}, dark = {}] = [...STYLESHEET.matchAll(/:root \{([^}]*--ground[^}]*)\}/g)].map(
    ([, rules = '']) =>
      Object.fromEntries(
        [...rules.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, key, value]) => [key, value]),
      ) as Record<string, string>,
  )

  it.each([
    ['text', 'surface', 4.5],
    ['text', 'sunken', 4.5],
    ['muted', 'surface', 4.5],
    ['muted', 'sunken', 4.5],
    ['accent', 'surface', 4.5],
    ['accent', 'sunken', 4.5],
    ['accent', 'ground', 4.5],
    ['accent-strong', 'sunken', 4.5],
    ['on-accent', 'accent', 4.5],
    ['on-accent', 'accent-strong', 4.5],
    ['problem', 'problem-ground', 4.5],
    ['problem', 'surface', 3],
    ['caution', 'caution-ground', 4.5],
    ['caution', 'surface', 4.5],
    ['edge', 'surface', 3],
  ])(
    'the contrast of %s on %s is at least %d to 1, light and dark (WCAG AA)',
    (front, back, least) => {
      for (const colours of [light, dark]) {
        expect(contrast(colours[front] ?? '', colours[back] ?? '')).toBeGreaterThanOrEqual(least)
      }
    },
  )

  it('control: the contrast of black on white is 21 to 1, and of a colour on itself 1 to 1', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#0b5f70', '#0b5f70')).toBe(1)
    expect(light.text).not.toBe(dark.text)
  })

  it('the stylesheet has the accent colour of each colour scheme and its stronger shade', () => {
    const branded = stylesheet({ light: '#7a1f3d', dark: '#ffb3c7' })
    for (const colour of ['#7a1f3d', '#ffb3c7']) expect(branded).toContain(`--accent: ${colour};`)
    expect(branded).not.toContain(DEFAULT_BRANDING.accent.light)
  })

  it('the stylesheet fetches nothing: no url(), no @import', () => {
    expect(STYLESHEET).not.toMatch(/url\(|@import|@font-face/)
  })
})
