/** An invited user sets a password in a browser, with and without JavaScript. */

import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import {
  expectHeading,
  HOME,
  it,
  keepScreenshot,
  openSession,
  signIn,
  takeComplaints,
} from './fixtures.ts'
import type { Registry } from './registry.ts'

const PASSWORD = 'a password that Ada chose'
const TITLE = 'Set your password'

let people = 0
async function invite(registry: Registry) {
  people += 1
  const username = `invited${people}`
  const described = ['--username', username, '--email', `${username}@example.org`]
  const { invitation_url } = await registry.admin('user', 'create', ...described, '--invite')
  return { username, link: String(invitation_url) }
}

async function fill(page: Page, password: string, again = password) {
  await page.getByLabel('New password', { exact: true }).fill(password)
  await page.getByLabel('New password, again').fill(again)
  await page.getByRole('button', { name: 'Set password' }).click()
}
const linkField = (page: Page) => page.getByRole('textbox', { name: 'Paste the whole link' })

describe('an invitation in a browser', () => {
  it('an invited user opens the link, sets a password and signs in, and neither the address bar nor the history shows the link', async ({
    page,
    registry,
  }) => {
    const { username, link } = await invite(registry)
    const asked: string[] = []
    page.on('request', (request) => asked.push(request.url()))
    await page.goto(link)
    await page.goto(`${registry.url}/login`)
    await page.goBack()
    expect(page.url()).toBe(`${registry.url}/invitation`)
    await page.goto(`${registry.url}/login`)

    await page.goto(link)
    await expectHeading(page, TITLE)
    expect(await linkField(page).count()).toBe(0)
    expect(page.url()).toBe(`${registry.url}/invitation`)
    await keepScreenshot(page, 'invitation')
    await fill(page, PASSWORD)
    await expectHeading(page, 'Your password is set')
    expect(await page.getByRole('main').textContent()).toContain(username)
    await keepScreenshot(page, 'invitation-used')
    await page.getByRole('link', { name: 'Sign in' }).click()
    await signIn(page, { username, password: PASSWORD })
    await expectHeading(page, HOME)
    const secret = link.split('#')[1] ?? ''
    expect(asked.filter((address) => address.includes(secret))).toEqual([])
  })

  it('the form keeps the link after a mistake, and the second attempt sets the password', async ({
    page,
    registry,
  }) => {
    const { username, link } = await invite(registry)
    await page.goto(link)
    await fill(page, PASSWORD, 'another password')
    expect(await page.getByRole('alert').textContent()).toBe('The two passwords differ.')
    await keepScreenshot(page, 'invitation-mistake')
    await fill(page, PASSWORD)
    await expectHeading(page, 'Your password is set')
    await openSession(page, registry, { username, password: PASSWORD })
  })

  it('a link that was used before shows a message and sets no password', async ({
    page,
    registry,
  }) => {
    const { link } = await invite(registry)
    await page.goto(link)
    await fill(page, PASSWORD)
    await expectHeading(page, 'Your password is set')
    await page.goto(`${registry.url}/login`)
    await page.goto(link)
    await fill(page, 'another password')
    expect(await page.getByRole('alert').textContent()).toContain('This link is not valid.')
    await keepScreenshot(page, 'invitation-not-valid')
  })

  it('a second link opened in the same tab replaces the first link in the form', async ({
    page,
    registry,
  }) => {
    const { username, link } = await invite(registry)
    const { invitation_url } = await registry.admin('user', 'invite', username)
    await page.goto(link)
    await page.goto(String(invitation_url))
    await fill(page, PASSWORD)
    await expectHeading(page, 'Your password is set')
  })

  it('an invited user without JavaScript pastes the link into the form', async ({
    open,
    registry,
  }) => {
    const page = await open({ javaScriptEnabled: false })
    const { username, link } = await invite(registry)
    await page.goto(link)
    await linkField(page).waitFor()
    await keepScreenshot(page, 'invitation-without-script')
    await linkField(page).fill(link)
    await fill(page, PASSWORD)
    await expectHeading(page, 'Your password is set')
    expect(await page.getByRole('main').textContent()).toContain(username)
    // Chromium reports that it did not run the script.
    takeComplaints(page)
  })

  it('the invitation page fits the window and has enough contrast in dark mode and on a narrow screen', async ({
    open,
    registry,
  }) => {
    const page = await open({ colorScheme: 'dark', viewport: { width: 320, height: 700 } })
    const { link } = await invite(registry)
    await page.goto(link)
    await expectHeading(page, TITLE)
    const width = await page.evaluate('document.documentElement.scrollWidth')
    expect(width).toBe(320)
    await keepScreenshot(page, 'invitation-dark-narrow')
  })
})
