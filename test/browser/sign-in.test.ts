/** Signing in and out on the registry's own pages. */

import { describe, expect } from 'vitest'
import {
  allow,
  CONSENT,
  expectHeading,
  HOME,
  it,
  openSession,
  press,
  sessionCookie,
  signIn,
} from './fixtures.ts'

describe('the sign-in page', () => {
  it('the sign-in page names the client, and the right password leads to the consent page', async ({
    page,
    registry,
    app,
    newClient,
  }) => {
    const keys = await newClient({ name: 'Paper Assistant' })
    await page.goto(app.ask(keys))
    await expectHeading(page, 'Sign in')
    expect(await page.getByRole('main').textContent()).toContain('to continue to Paper Assistant')
    expect(await sessionCookie(page)).toBeUndefined()
    await signIn(page, registry.demo)
    await expectHeading(page, CONSENT)
    expect(await page.getByRole('main').textContent()).toContain('Signed in as demo')
  })

  it('the sign-in page after a wrong password announces the problem and keeps the username, and no session is opened', async ({
    page,
    registry,
  }) => {
    await page.goto(`${registry.url}/login`)
    expect(await page.getByRole('alert').count()).toBe(0)
    await signIn(page, { ...registry.demo, password: 'wrong password' })
    const alert = page.getByRole('alert')
    expect(await alert.textContent()).toBe('The username or the password is wrong.')
    expect(new URL(page.url()).pathname).toBe('/login')
    expect(await page.getByLabel('Username').inputValue()).toBe('demo')
    expect(await page.getByLabel('Password').inputValue()).toBe('')
    expect(await sessionCookie(page)).toBeUndefined()

    await signIn(page, registry.demo)
    await expectHeading(page, HOME)
    expect(await sessionCookie(page)).toBeDefined()
  })

  it('a sign-in sets a new cookie that no script can read and no cross-site post carries', async ({
    page,
    registry,
  }) => {
    await openSession(page, registry)
    const first = await sessionCookie(page)
    expect(first).toMatchObject({ httpOnly: true, sameSite: 'Lax', path: '/', domain: '127.0.0.1' })
    expect(await page.evaluate('document.cookie')).toBe('')

    await openSession(page, registry)
    expect((await sessionCookie(page))?.value).not.toBe(first?.value)
  })

  it('the sign-in form can be sent from two tabs one after the other', async ({
    page,
    registry,
  }) => {
    const other = await page.context().newPage()
    await page.goto(`${registry.url}/login`)
    await other.goto(`${registry.url}/login`)
    await signIn(page, registry.demo)
    await expectHeading(page, HOME)
    await signIn(other, registry.demo)
    expect(await other.getByRole('alert').textContent()).toContain('out of date')
    await signIn(other, registry.demo)
    await expectHeading(other, HOME)
  })
})

describe('next_page', () => {
  it('a sign-in redirects to a next_page that is a path of the registry', async ({
    page,
    registry,
  }) => {
    await page.goto(`${registry.url}/login?next_page=${encodeURIComponent('/healthz?a=1')}`)
    await signIn(page, registry.demo)
    await page.waitForURL(`${registry.url}/healthz?a=1`)
  })

  const EVIL = 'localhost:9'
  it.for([`//${EVIL}/`, `/\\${EVIL}/`, `/\t/${EVIL}/`, 'javascript:alert(1)'])(
    'a sign-in redirects to the landing page instead of the next_page %j',
    async (address, { page, registry }) => {
      const asked: string[] = []
      page.on('request', (request) => asked.push(new URL(request.url()).host))
      await page.goto(`${registry.url}/login?next_page=${encodeURIComponent(address)}`)
      // The test alters the form, because the registry must check next_page again when the form is sent.
      await page
        .locator('input[name=next_page]')
        .evaluate((field, value) => Object.assign(field, { value }), address)
      await signIn(page, registry.demo)
      await page.waitForURL((url) => url.pathname !== '/login')
      expect(new URL(page.url()).origin).toBe(registry.url)
      expect([...new Set(asked)]).toEqual([new URL(registry.url).host])
    },
  )
})

describe('sign-out', () => {
  it('"Not you?" ends the session, and another user can sign in and answer the same request', async ({
    page,
    registry,
    app,
    keys,
  }) => {
    const other = await registry.registerUser({ username: 'grace' })
    await page.goto(app.ask(keys))
    await signIn(page, registry.demo)
    await expectHeading(page, CONSENT)
    const old = await sessionCookie(page)

    await press(page, 'Sign out')
    await expectHeading(page, 'Sign in')
    expect(await sessionCookie(page)).toBeUndefined()
    await signIn(page, other)
    await expectHeading(page, CONSENT)
    expect(await page.getByRole('main').textContent()).toContain('Signed in as grace')

    await allow(page)
    const outcome = app.callbacks.at(-1)?.outcome
    expect(outcome?.kind).toBe('token')
    const token = outcome?.kind === 'token' ? outcome.token : ''
    expect((await registry.sessionOf(token)).user.username).toBe('grace')

    // The previous cookie is invalid.
    if (old) await page.context().addCookies([old])
    await page.goto(registry.url)
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  })

  it('signing out on the landing page shows the landing page without a signed-in user', async ({
    page,
    registry,
  }) => {
    await page.goto(`${registry.url}/login`)
    await signIn(page, registry.demo)
    await press(page, 'Sign out')
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/')
    expect(await sessionCookie(page)).toBeUndefined()
  })
})
