/** The fixtures of the browser tests: a registry, a client application and a browser. */

import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { test as base, expect } from 'vitest'
import { startClientApp } from './client-app.ts'
import { type Person, type Registry, startRegistry } from './registry.ts'

const CHROMIUM = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
/** The time limit for a page to load. */
const TIMEOUT_MS = 30_000

const complaints = new WeakMap<BrowserContext, string[]>()

/** Returns and clears the policy violations and script errors that the browser reported for this page and the tabs of its context. */
export const takeComplaints = (page: Page): string[] =>
  complaints.get(page.context())?.splice(0) ?? []

async function openPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', ...options })
  context.setDefaultTimeout(TIMEOUT_MS)
  const page = await context.newPage()
  const heard: string[] = []
  complaints.set(context, heard)
  context.on('console', (message) => {
    if (/content security policy|refused to|x-frame-options/i.test(message.text())) {
      heard.push(message.text())
    }
  })
  context.on('weberror', (error) => heard.push(String(error.error())))
  context.on('dialog', (dialog) => {
    heard.push(`a dialog says: ${dialog.message()}`)
    void dialog.dismiss()
  })
  return page
}

/** Opens a page in a new browser context with these options. */
export type Open = (options?: BrowserContextOptions) => Promise<Page>

export const it = base
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the pattern
  .extend('registry', { scope: 'worker' }, async ({}, { onCleanup }) => {
    const registry = await startRegistry()
    onCleanup(registry.end)
    return registry
  })
  .extend('app', { scope: 'worker' }, async ({ registry }, { onCleanup }) => {
    const app = await startClientApp(registry.url)
    onCleanup(app.close)
    return app
  })
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the pattern
  .extend('browser', { scope: 'worker' }, async ({}, { onCleanup }) => {
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      // Rendering without a graphics card is faster than emulating one.
      args: ['--disable-gpu', '--disable-gpu-rasterization'],
    })
    onCleanup(() => browser.close())
    return browser
  })
  /** Fails if a page has a complaint that the test has not read. */
  .extend('open', async ({ browser }, { onCleanup }) => {
    const opened: Page[] = []
    onCleanup(async () => {
      const left = opened.flatMap(takeComplaints)
      await Promise.all(opened.map((page) => page.context().close()))
      expect(left).toEqual([])
    })
    const open: Open = async (options = {}) => {
      const page = await openPage(browser, options)
      opened.push(page)
      return page
    }
    return open
  })
  /** Registers a client of the application with these further options. */
  .extend('newClient', { scope: 'worker' }, async ({ registry, app }) => {
    const register = registry.registerClient
    return (given: Partial<Parameters<typeof register>[0]> = {}) =>
      register({ redirectUris: [app.callbackUri], ...given })
  })
  /** A client of the application. */
  .extend('keys', async ({ newClient }) => newClient())
  /** A page without a signed-in user. */
  .extend('page', async ({ open }) => open())
  .extend('memberState', { scope: 'worker' }, async ({ browser, registry }) => {
    const page = await openPage(browser, {})
    await openSession(page, registry)
    const state = await page.context().storageState()
    await page.context().close()
    return state
  })
  /** A page with the demo user signed in. */
  .extend('member', async ({ open, memberState }) => open({ storageState: memberState }))
  /** The consent page of the client, shown to the demo user. */
  .extend('consent', async ({ member, app, keys }) => {
    await openConsent(member, app.ask(keys))
    return member
  })

/** Fills in and sends the sign-in page. Resolves when the response is loaded. */
export async function signIn(page: Page, { username, password }: Person) {
  await page.getByRole('textbox', { name: 'Username' }).fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

/** Opens the sign-in page and signs in, as the demo user unless another is given. */
export async function openSession(
  page: Page,
  registry: Registry,
  person = registry.demo as Person,
) {
  await page.goto(`${registry.url}/login`)
  await signIn(page, person)
  await expectHeading(page, HOME)
}

/** Opens the portal and signs in. */
export async function openPortal(page: Page, { url }: Registry, person: Person) {
  await page.goto(`${url}/clients`)
  await expectHeading(page, 'Sign in')
  await signIn(page, person)
  await expectHeading(page, 'Your clients')
  return page
}

export const headingOf = (page: Page) => page.getByRole('heading', { level: 1 })

/** Waits until the page with this main heading is complete. */
export async function expectHeading(page: Page, text: string | RegExp) {
  await headingOf(page).filter({ hasText: text }).waitFor()
  await page.waitForLoadState()
  const wanted = typeof text === 'string' ? text : expect.stringMatching(text)
  expect(await headingOf(page).allTextContents()).toEqual([wanted])
}

/** The heading of the consent page names the client. */
export const CONSENT = /^Allow .+ to use your account\?$/s
export const CONSENT_TITLE = 'Allow access to your account?'
export const HOME = 'Your account and its applications'

/** Opens the consent page of this authorization URL for a signed-in user. */
export async function openConsent(page: Page, address: string) {
  await page.goto(address)
  await expectHeading(page, CONSENT)
}

export const press = (page: Page, name: 'Allow' | 'Cancel' | 'Sign out') =>
  page.getByRole('button', { name }).click()

/** Presses Allow on the consent page. Resolves when the client has its token. */
export async function allow(page: Page) {
  await press(page, 'Allow')
  await expectHeading(page, 'Connected')
}

/** Presses Cancel on the consent page. Resolves when the client has the error response. */
export async function cancel(page: Page) {
  await press(page, 'Cancel')
  await expectHeading(page, 'Not connected')
}

export const sessionCookie = async (page: Page) =>
  (await page.context().cookies()).find(({ name }) => name === 'registry_session')

/** The screenshot becomes an output of the test run. */
export const keepScreenshot = (page: Page, name: string) =>
  page.screenshot({
    path: `test-results/screenshots/${name}.png`,
    fullPage: true,
  })
