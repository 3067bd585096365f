/** The page of connected applications. */

import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { isToday } from '../days.ts'
import {
  allow,
  CONSENT,
  expectHeading,
  keepScreenshot,
  openConsent,
  it as plain,
  press,
  signIn,
} from './fixtures.ts'
import { expectFineIn, focusOf } from './looks.ts'
import type { Registry } from './registry.ts'

const ACCOUNT = 'Connected applications'
let people = 0
/** A new user for each test, so that the page shows only the applications of the test. */
const it = plain
  .extend('person', async ({ registry }) => {
    people += 1
    return registry.registerUser({ username: `reader${people}` })
  })
  .extend('visitor', async ({ page, registry, person }) => {
    await page.goto(`${registry.url}/account`)
    await signIn(page, person)
    await expectHeading(page, ACCOUNT)
    return page
  })
  /** A client with this name that the user of the page has allowed, and its access token. */
  .extend('connect', async ({ app, newClient }) => async (page: Page, name: string) => {
    const keys = await newClient({
      name,
      more: ['--url', 'https://papers.example/about', '--endorsement', 'cs.*'],
    })
    await openConsent(page, app.ask(keys))
    await allow(page)
    const outcome = app.callbacks.at(-1)?.outcome
    if (outcome?.kind !== 'token') throw new Error(`no token but ${outcome?.kind}`)
    return { keys, token: outcome.token }
  })

const cardOf = (page: Page, name: string) => page.getByRole('region', { name })

/** Opens the details of an application, presses Remove and confirms it. */
async function remove(page: Page, name: string) {
  const card = cardOf(page, name)
  await card.getByRole('heading', { name }).click()
  await card.getByText(`Remove ${name}`, { exact: true }).click()
  await card.getByRole('button', { name: `Yes, remove ${name}`, exact: true }).click()
}

describe('the page of connected applications', () => {
  it('the page of connected applications requires a sign-in and says that no application is connected', async ({
    visitor,
  }) => {
    await visitor.getByText('No application has access to your account.').waitFor()
    await visitor.getByRole('link', { name: 'To the start page' }).click()
    await visitor.getByRole('link', { name: ACCOUNT }).click()
    await expectHeading(visitor, ACCOUNT)
  })

  it('removing a connected application revokes its token, and the application must ask for consent again', async ({
    visitor: page,
    registry,
    app,
    connect,
  }) => {
    const { keys, token } = await connect(page, 'Paper Assistant')
    const other = await connect(page, 'Another One')
    await page.goto(`${registry.url}/account`)
    const card = cardOf(page, 'Paper Assistant')
    expect(await card.getByText('Read your submissions').isVisible()).toBe(false)
    await card.getByRole('heading').click()
    await card.getByText('Read your submissions').waitFor()
    await card.getByText('Start new submissions in your name').waitFor()
    expect(await card.getByRole('link').getAttribute('href')).toBe('https://papers.example/about')
    const days = await card.locator('time').allTextContents()
    expect(days.map((day) => isToday(Date.parse(day) / 1000))).toEqual([true, true])
    expect((await registry.sessionOf(token)).authorizations.scopes).toContain('submission:read')

    await card.getByRole('heading').click()
    await remove(page, 'Paper Assistant')
    await page
      .getByRole('status')
      .filter({ hasText: /is no longer connected/ })
      .waitFor()
    expect(await page.getByRole('region').count()).toBe(1)
    // The local KV is never stale, but an isolate caches the revocation document for ten seconds.
    await expect
      .poll(() => registry.sessionOf(token).catch((fault: Error) => fault.message))
      .toMatch(/^\/auth: 401 /)
    expect((await registry.sessionOf(other.token)).authorizations.scopes).not.toEqual([])

    await page.reload()
    expect(await page.getByRole('region').count()).toBe(1)
    await page.goto(app.ask(keys))
    await expectHeading(page, CONSENT)
  })

  it('the page of connected applications works by keyboard alone and without JavaScript', async ({
    open,
    registry,
    person,
    connect,
  }) => {
    const page = await open({ javaScriptEnabled: false })
    await page.goto(`${registry.url}/account`)
    await signIn(page, person)
    await connect(page, 'Paper Assistant')
    await page.goto(`${registry.url}/account`)
    // Tab passes the links to the start page and to the two pages of the user.
    for (let link = 1; link <= 4; link += 1) await page.keyboard.press('Tab')
    // Tab reaches the details, the client's URL, then Remove and its confirmation.
    expect((await focusOf(page))?.name).toMatch(/^Paper Assistant/)
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await focusOf(page)).toEqual({ name: 'Remove Paper Assistant', outlined: true })
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await focusOf(page)).toEqual({ name: 'Yes, remove Paper Assistant', outlined: true })
    await page.keyboard.press('Enter')
    await page.getByText('No application has access to your account.').waitFor()
  })

  it.for([
    ['dark', 800],
    ['light', 360],
  ] as const)(
    'the page of connected applications looks as intended: %s, %i pixels wide',
    async (look, { open, registry, person, connect }) => {
      const [colorScheme, width] = look
      const page = await open({ colorScheme, viewport: { width, height: 800 } })
      const judge = (name: string) =>
        expectFineIn(colorScheme, page, `${name}-${colorScheme}-${width}`)
      await page.goto(`${registry.url}/account`)
      await signIn(page, person)
      await expectHeading(page, ACCOUNT)
      await judge('account-empty')
      await connect(page, 'Paper Assistant')
      await connect(page, 'Interoperability'.repeat(12))
      await page.goto(`${registry.url}/account`)
      await judge('account')
      await page.getByRole('heading', { name: 'Paper Assistant' }).click()
      await page.getByText('Remove Paper Assistant', { exact: true }).click()
      await judge('account-remove')
      await page.getByRole('button', { name: 'Yes, remove Paper Assistant' }).click()
      await page.getByRole('status').waitFor()
      await judge('account-removed')
      await page.goto(`${registry.url}/authorize?client_id=nobody`)
      await judge('error-with-reference')
    },
  )
})

describe('error pages', () => {
  it('an error page shows a reference for which `why` prints the cause, and links to the explanation of the error', async ({
    page,
    registry,
  }) => {
    await page.goto(`${registry.url}/authorize?client_id=nobody`)
    await expectHeading(page, 'This request failed')
    const reference = (await page.locator('code.reference').textContent()) ?? ''
    expect(await registry.admin('why', reference)).toMatchObject({
      endpoint: 'GET /authorize',
      detail: 'unknown client_id',
      client_id: 'nobody',
    })
    await page.getByRole('link', { name: 'what this error means' }).click()
    await expectHeading(page, 'invalid_request')
    await page.getByRole('link', { name: 'All error codes' }).click()
    await expectHeading(page, 'Error codes')
  })
})

describe('forms on a page from a previous sign-in', () => {
  /** Signs in again in another tab of the same browser. */
  async function signInElsewhere(
    page: Page,
    registry: Registry,
    person: Parameters<typeof signIn>[1],
  ) {
    const other = await page.context().newPage()
    await other.goto(`${registry.url}/login?next_page=/account`)
    await signIn(other, person)
    await expectHeading(other, ACCOUNT)
    await other.close()
  }

  it('the form to remove an application on a page from a previous sign-in removes nothing, and the form in the response works', async ({
    visitor,
    registry,
    person,
    connect,
  }) => {
    await connect(visitor, 'Paper Assistant')
    await visitor.goto(`${registry.url}/account`)
    await signInElsewhere(visitor, registry, person)
    await remove(visitor, 'Paper Assistant')
    await visitor.getByRole('alert').filter({ hasText: 'Nothing was removed' }).waitFor()
    await keepScreenshot(visitor, 'account-out-of-date')
    await remove(visitor, 'Paper Assistant')
    await visitor.getByText('is no longer connected').waitFor()
  })

  it('the form to sign out on a page from a previous sign-in signs no user out, and the form in the response works', async ({
    visitor,
    registry,
    person,
  }) => {
    await signInElsewhere(visitor, registry, person)
    await press(visitor, 'Sign out')
    await expectHeading(visitor, 'You are still signed in')
    await keepScreenshot(visitor, 'still-signed-in')
    await press(visitor, 'Sign out')
    await visitor.getByRole('link', { name: 'Sign in' }).waitFor()
  })
})
