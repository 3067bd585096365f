/** The stylesheet: contrast in both colour schemes, and nothing fetched. */

import { describe, expect, it } from 'vitest'
import { STYLESHEET } from '../../src/pages/stylesheet.ts'

/** WCAG 2.2: relative luminance and contrast of two `#rrggbb` colours. */
const luminance = (colour: string) => {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
const contrast = (one: string, other: string) => {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

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
    ['edge', 'surface', 3],
  ])(
    'the contrast of %s on %s is at least %d to 1, light and dark (WCAG AA)',
    (front, back, least) => {
      for (const colours of [light, dark]) {
        expect(contrast(colours[front] ?? '', colours[back] ?? '')).toBeGreaterThanOrEqual(least)
      }
    },
  )

  it('control: black on white is 21 to 1, and a colour on itself 1 to 1', () => {
    expect(contrast('#000000', '#ffffff')).toBeCloseTo(21)
    expect(contrast('#0b5f70', '#0b5f70')).toBe(1)
    expect(light.text).not.toBe(dark.text)
  })

  it('the stylesheet fetches nothing: no url(), no @import', () => {
    expect(STYLESHEET).not.toMatch(/url\(|@import|@font-face/)
  })
})
