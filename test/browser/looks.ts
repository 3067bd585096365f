/** Measures the width, the contrasts and the focus of a page in the browser. */

import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { keepScreenshot, takeComplaints } from './fixtures.ts'

export const NARROW = { viewport: { width: 360, height: 740 } }
/** A window of 1280 pixels at a zoom of 200 %. */
export const ZOOMED = { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }
/** WCAG 2.2, 1.4.3. */
export const LEAST_CONTRAST = 4.5

/** The CSS pixels that are only visible after horizontal scrolling, of the page or of any element. */
export const overflowOf = (page: Page) =>
  page.evaluate<number>(`Math.max(
    document.documentElement.scrollWidth - document.documentElement.clientWidth,
    ...[...document.body.querySelectorAll('*')].flatMap((element) => {
      const { left, right, width } = element.getBoundingClientRect()
      return width === 0 ? [] : [right - document.documentElement.clientWidth, -left]
    }))`)

export type Contrast = Readonly<{ words: string; ratio: number }>

/** The contrast of every visible text, the lowest first (WCAG 2.2, 1.4.3). */
export const contrastsOf = (page: Page) =>
  page.evaluate<Contrast[]>(`(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
    const rgba = (colour) => {
      canvas.clearRect(0, 0, 1, 1)
      canvas.fillStyle = colour
      canvas.fillRect(0, 0, 1, 1)
      return [...canvas.getImageData(0, 0, 1, 1).data]
    }
    const linear = (part) => part <= 0.04045 * 255 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4
    const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    const groundOf = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = rgba(getComputedStyle(at).backgroundColor)
        if (colour[3] === 255) return colour
      }
      return [255, 255, 255]
    }
    const pieces = []
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const words = node.textContent.trim()
      if (words === '' || !node.parentElement.checkVisibility()) continue
      const [bright, dark] = [rgba(getComputedStyle(node.parentElement).color), groundOf(node.parentElement)]
        .map(luminance).sort((a, b) => b - a)
      pieces.push({ words, ratio: (bright + 0.05) / (dark + 0.05) })
    }
    return pieces.sort((a, b) => a.ratio - b.ratio)
  })()`)

/** The lightness of the page's background, from 0 (black) to 255. */
export const groundOf = (page: Page) =>
  page.evaluate<number>(`(() => {
    const parts = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).map(Number)
    return parts.reduce((sum, part) => sum + part) / 3
  })()`)

export type Focus = Readonly<{ name: string; outlined: boolean }>

/** The focused element: its label or its text, and whether it has an outline of at least 2 pixels. */
export const focusOf = (page: Page) =>
  page.evaluate<Focus | null>(`(() => {
    const element = document.activeElement
    if (!element || element === document.body) return null
    const { outlineStyle, outlineWidth } = getComputedStyle(element)
    const words = element.labels?.[0]?.textContent ?? element.textContent
    return {
      name: words.trim(),
      outlined: outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2,
    }
  })()`)

/** Presses Tab until this element has the focus. Each focused element must have an outline. */
export async function tabOn(page: Page, name: RegExp) {
  for (let presses = 0; presses < 30; presses += 1) {
    await page.keyboard.press('Tab')
    const focus = await focusOf(page)
    expect(focus, `focus before ${String(name)}`).toMatchObject({ outlined: true })
    if (focus?.name.match(name)) return
  }
  throw new Error(`no focus on ${String(name)}`)
}

/** Saves a screenshot. Checks that the page fits the window, every text has enough contrast, and the browser reports no error. */
export async function expectFine(page: Page, screenshot: string) {
  await keepScreenshot(page, screenshot)
  expect(await overflowOf(page), screenshot).toBeLessThanOrEqual(0)
  const [worst] = await contrastsOf(page)
  expect(worst?.ratio, `${screenshot}: ${worst?.words}`).toBeGreaterThanOrEqual(LEAST_CONTRAST)
  expect(takeComplaints(page)).toEqual([])
}

export type ColourScheme = 'light' | 'dark'

/** Checks the same, and that the page follows the preferred colour scheme. */
export async function expectFineIn(colorScheme: ColourScheme, page: Page, screenshot: string) {
  const lightness = await groundOf(page)
  expect(colorScheme === 'light' ? lightness : 255 - lightness, screenshot).toBeGreaterThan(200)
  await expectFine(page, screenshot)
}

/** The windows in which every page is checked: the end of the screenshot's name, and the options of the window. */
export const LOOKS = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['360', { ...NARROW, colorScheme: 'light' }],
  ['zoomed', { ...ZOOMED, colorScheme: 'light' }],
] as const
