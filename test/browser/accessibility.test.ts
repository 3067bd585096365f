/** The pages by keyboard, with a screen reader and without JavaScript. */

import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import {
  allow,
  CONSENT,
  cancel,
  expectHeading,
  HOME,
  headingOf,
  it,
  openConsent,
  press,
  signIn,
  takeComplaints,
} from './fixtures.ts'
import { focusOf } from './looks.ts'

const CREATE = 'Start new submissions in your name'

/** Presses Tab until the focus leaves the page. Returns the focused elements. Each must be outlined. */
async function tabThrough(page: Page, most = 20): Promise<string[]> {
  const names: string[] = []
  while (names.length < most) {
    await page.keyboard.press('Tab')
    const focus = await focusOf(page)
    if (!focus) break
    expect(focus).toMatchObject({ outlined: true })
    names.push(focus.name)
  }
  return names
}

describe('the keyboard', () => {
  it('a user signs in and answers the consent page by keyboard alone', async ({
    page,
    registry,
    app,
    newClient,
  }) => {
    const keys = await newClient({ more: ['--url', 'https://papers.example/'] })
    await page.goto(app.ask(keys))
    // The username field has the focus when the page opens.
    await expect.poll(() => focusOf(page)).toEqual({ name: 'Username', outlined: true })
    await page.keyboard.type(registry.demo.username)
    expect(await tabThrough(page, 2)).toEqual(['Password', 'Sign in'])
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.type(registry.demo.password)
    await page.keyboard.press('Enter')
    await expectHeading(page, CONSENT)

    expect(await tabThrough(page)).toEqual([
      'Registry',
      'https://papers.example/',
      expect.stringContaining('Read your submissions'),
      expect.stringContaining(CREATE),
      'Connected applications',
      'Cancel',
      'Allow',
      'Sign out',
    ])
    await page.getByRole('checkbox', { name: CREATE }).focus()
    await page.keyboard.press('Space')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect((await focusOf(page))?.name).toBe('Allow')
    await page.keyboard.press('Space')
    await expectHeading(page, 'Connected')
    expect(app.callbacks.at(-1)?.outcome).toMatchObject({ scope: 'submission:read' })
  })

  it('the password field has the focus after a wrong password', async ({ page, registry }) => {
    await page.goto(`${registry.url}/login`)
    await signIn(page, { ...registry.demo, password: 'wrong password' })
    await page.getByRole('alert').waitFor()
    await expect.poll(() => focusOf(page)).toMatchObject({ name: 'Password' })
    const field = page.getByLabel('Password')
    expect(await field.getAttribute('aria-invalid')).toBe('true')
    const described = await field.getAttribute('aria-describedby')
    expect(await page.getByRole('alert').getAttribute('id')).toBe(described)
  })

  it('control: a focus that is not visible is noticed', async ({ page, registry }) => {
    await page.goto(`${registry.url}/login`)
    await page.getByLabel('Username').evaluate((field) => {
      Object.assign(field.style, { outline: 'none' })
    })
    expect(await focusOf(page)).toEqual({ name: 'Username', outlined: false })
  })
})

describe('every page', () => {
  it('every page has a language, a title, one main heading, one main landmark, and a name for each control', async ({
    page,
    member,
    registry,
    app,
    newClient,
  }) => {
    const keys = await newClient({
      more: ['--url', 'https://papers.example/', '--endorsement', 'cs.*'],
    })
    const visits = [
      [page, registry.url, HOME],
      [page, `${registry.url}/login`, 'Sign in'],
      [page, `${registry.url}/docs`, 'API reference'],
      [page, `${registry.url}/authorize`, 'This request failed'],
      [page, `${registry.url}/nothing`, 'Page not found'],
      [member, registry.url, HOME],
      [member, app.ask(keys), CONSENT],
    ] as const
    const titles = new Set<string>()
    for (const [visitor, address, heading] of visits) {
      await visitor.goto(address)
      await expectHeading(visitor, heading)
      expect(await visitor.locator('html').getAttribute('lang')).toBe('en')
      titles.add(await visitor.title())
      expect(await visitor.title()).toMatch(/^.+ · Registry$/)
      expect(await visitor.getByRole('main').count()).toBe(1)
      const nameless = visitor.locator(
        'input:not([type=hidden]), button, a, [role=region], section[aria-label]',
      )
      for (const control of await nameless.all()) {
        expect(await control.ariaSnapshot()).toMatch(/"[^"]+"|: .+/)
      }
      expect(takeComplaints(visitor)).toEqual([])
    }
    expect(titles.size).toBe(6)
  })

  it('every input is found by its role and name', async ({
    page,
    member,
    registry,
    app,
    newClient,
  }) => {
    await page.goto(`${registry.url}/login`)
    await page.getByRole('textbox', { name: 'Username', exact: true }).waitFor()
    await page.getByLabel('Password', { exact: true }).waitFor()
    expect(await page.getByLabel('Username').getAttribute('autocomplete')).toBe('username')
    expect(await page.getByLabel('Password').getAttribute('autocomplete')).toBe('current-password')

    const keys = await newClient()
    await openConsent(member, app.ask(keys))
    const group = member.getByRole('group', { name: 'It asks to be allowed to:' })
    expect(await group.getByRole('checkbox').count()).toBe(2)
    for (const name of ['Reading', 'Changing']) {
      expect(await group.getByRole('group', { name }).getByRole('checkbox').count()).toBe(1)
    }
    for (const name of ['Cancel', 'Allow', 'Sign out']) {
      await member.getByRole('button', { name, exact: true }).waitFor()
    }
  })

  it('every page loads without a violation of its own content security policy, and a violation is noticed', async ({
    page,
    registry,
  }) => {
    await page.goto(`${registry.url}/login`)
    expect(takeComplaints(page)).toEqual([])
    const refused = page.waitForEvent('console')
    await page.evaluate(`document.body.append(Object.assign(
      document.createElement('script'), { textContent: 'alert(1)' }))`)
    expect((await refused).text()).toContain('Content Security Policy')
    expect(takeComplaints(page)).toHaveLength(1)
  })
})

describe('a browser without JavaScript', () => {
  it('a browser without JavaScript can sign in, untick a scope, allow and sign out', async ({
    open,
    registry,
    app,
    newClient,
  }) => {
    const page = await open({ javaScriptEnabled: false })
    const keys = await newClient()
    await page.goto(app.ask(keys))
    await signIn(page, { ...registry.demo, password: 'wrong password' })
    await page.getByRole('alert').waitFor()
    await signIn(page, registry.demo)
    await expectHeading(page, CONSENT)
    await page.getByRole('checkbox', { name: CREATE }).uncheck()
    await allow(page)
    expect(app.callbacks.at(-1)?.outcome).toMatchObject({ scope: 'submission:read' })
    await page.goto(app.ask(keys))
    await cancel(page)
    await page.goto(registry.url)
    await press(page, 'Sign out')
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  })

  it('control: the browser without JavaScript runs no script', async ({ open, app }) => {
    const page = await open({ javaScriptEnabled: false })
    const html =
      '<h1>Before</h1><script>document.querySelector("h1").textContent = "After"</script>'
    await page.goto(app.origin + app.publish(html))
    expect(await headingOf(page).textContent()).toBe('Before')
  })
})
