/** Requests that the page of an attacker makes a signed-in browser send have no effect. */

import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import type { ClientApp } from './client-app.ts'
import {
  allow,
  CONSENT_TITLE,
  expectHeading,
  HOME,
  headingOf,
  it,
  openConsent,
  openSession,
  press,
  sessionCookie,
  signIn,
  takeComplaints,
} from './fixtures.ts'

type Pair = readonly [name: string, value: string]

/** Every field of the form with this action, with its ticked checkboxes. */
const fieldsOf = (page: Page, action: string) =>
  page.evaluate<Pair[]>(
    `[...new FormData(document.querySelector('form[action="${action}"]'))].map((pair) => pair)`,
  )

const quoted = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')

/** A page that posts these fields to the registry when it is opened. */
const attack = (action: string, fields: readonly Pair[]) => `<!doctype html><title>Attack</title>
  <h1>Attack</h1><form method="post" action="${action}">${fields
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${quoted(value)}">`)
    .join('')}</form><script>document.forms[0].submit()</script>`

/** Opens the page of the attacker and returns the status of its POST after redirects. */
async function suffer(page: Page, address: string, action: string): Promise<number> {
  const posted = page.waitForResponse((answer) => answer.url() === action)
  await page.goto(address, { waitUntil: 'commit' })
  const status = (await posted).status()
  await headingOf(page).filter({ hasNotText: 'Attack' }).waitFor()
  return status
}

const PLACES = [
  ['another port of our host', 'origin'],
  ['another site', 'localhost'],
] as const

describe.for(PLACES)('a form posted from %s', ([, name]) => {
  const from = (app: ClientApp, html: string) => app[name] + app.publish(html)

  it("a forged post to the consent form is refused, even with the user's own form token", async ({
    member: page,
    registry,
    app,
    keys,
  }) => {
    const address = app.ask(keys)
    const before = app.callbacks.length
    const action = `${registry.url}/authorize`
    await openConsent(page, address)
    const fields: Pair[] = [...(await fieldsOf(page, '/authorize')), ['confirm', 'ok']]
    expect(fields.map(([field]) => field)).toContain('form_token')

    const status = await suffer(page, from(app, attack(action, fields)), action)
    // The browser sends the cookie only within a site, so a cross-site POST has no signed-in user.
    expect(status).toBe(name === 'origin' ? 403 : 303)
    await expectHeading(page, name === 'origin' ? 'This request failed' : 'Sign in')
    expect(app.callbacks).toHaveLength(before)
    expect(await registry.grantsTo(keys.clientId)).toEqual({ codes: 0, consents: 0 })

    // Control: the same fields from our page are accepted.
    await openConsent(page, address)
    expect([...(await fieldsOf(page, '/authorize')), ['confirm', 'ok']]).toEqual(fields)
    await allow(page)
  })

  it('a forged post to sign in is refused, and the user stays signed in', async ({
    page,
    registry,
    app,
  }) => {
    const mallory = await registry.registerUser({ username: `mallory-${name}` })
    const action = `${registry.url}/login`
    await page.goto(action)
    const token = (await fieldsOf(page, '/login')).find(([field]) => field === 'form_token')
    const fields: Pair[] = [
      ['username', mallory.username],
      ['password', mallory.password],
      ['form_token', token?.[1] ?? ''],
    ]
    expect(await suffer(page, from(app, attack(action, fields)), action)).toBe(403)
    expect(await sessionCookie(page)).toBeUndefined()

    await page.goto(action)
    await signIn(page, registry.demo)
    await expectHeading(page, HOME)
    const mine = await sessionCookie(page)
    expect(await suffer(page, from(app, attack(action, fields)), action)).toBe(403)
    expect((await sessionCookie(page))?.value).toBe(mine?.value)
    await page.goto(registry.url)
    expect(await page.getByRole('main').textContent()).toContain('Signed in as demo')

    // Control: the same username and password on our page are accepted.
    await page.goto(action)
    await signIn(page, mallory)
    await expectHeading(page, HOME)
    expect(await page.getByRole('main').textContent()).toContain(`Signed in as ${mallory.username}`)
  })

  it('a forged post to sign out is refused, and the user stays signed in', async ({
    page,
    registry,
    app,
  }) => {
    await openSession(page, registry)
    const fields = await fieldsOf(page, '/logout')
    const action = `${registry.url}/logout`
    const mine = await sessionCookie(page)
    await suffer(page, from(app, attack(action, fields)), action)
    expect((await sessionCookie(page))?.value).toBe(mine?.value)
    await page.goto(registry.url)
    expect(await page.getByRole('main').textContent()).toContain('Signed in as demo')

    await press(page, 'Sign out')
    await page.getByRole('link', { name: 'Sign in' }).waitFor()
  })
})

describe('altered consent forms', () => {
  it.for([
    ['scope', 'public:read submission:create submission:read'],
    ['state', 'another'],
    ['redirect_uri', 'OTHER'],
    ['code_challenge', 'A'.repeat(43)],
    ['form_token', 'A'.repeat(43)],
  ] as const)(
    'a consent form with an altered field is refused with 403: %s',
    async ([field, value], { member: page, registry, app }) => {
      const keys = await registry.registerClient({
        redirectUris: [app.callbackUri, app.forwardingUri],
        scopes: ['public:read', 'submission:create', 'submission:read'],
      })
      const address = app.ask(keys)
      const before = app.callbacks.length
      const sent = value === 'OTHER' ? app.forwardingUri : value
      await openConsent(page, address)
      const hidden = page.locator(`form[action="/authorize"] input[name=${field}]`)
      await hidden.evaluate((input, text) => Object.assign(input, { value: text }), sent)
      const answered = page.waitForResponse(`${registry.url}/authorize`)
      await press(page, 'Allow')
      expect((await answered).status()).toBe(403)
      await expectHeading(page, 'This request failed')
      expect(app.callbacks).toHaveLength(before)
      expect(await registry.grantsTo(keys.clientId)).toEqual({ codes: 0, consents: 0 })
    },
  )

  it('a checkbox that was added to the consent page grants no scope', async ({
    member: page,
    app,
    newClient,
  }) => {
    const keys = await newClient({ scopes: ['submission:create', 'submission:read'] })
    await openConsent(page, app.ask(keys, 'submission:read'))
    const box = page.getByRole('checkbox')
    await box.evaluate((input) => {
      const more = input.cloneNode() as typeof input
      Object.assign(more, { value: 'submission:create' })
      input.after(more)
    })
    expect(await box.count()).toBe(2)
    await allow(page)
    expect(app.callbacks.at(-1)?.outcome).toMatchObject({ scope: 'submission:read' })
  })

  it('an altered consent form never redirects to an unregistered URI', async ({
    consent: page,
    registry,
    app,
  }) => {
    const hidden = page.locator('input[name=redirect_uri]')
    await hidden.evaluate((input, text) => Object.assign(input, { value: text }), app.forwardingUri)
    await press(page, 'Cancel')
    await expectHeading(page, 'This request failed')
    expect(new URL(page.url()).origin).toBe(registry.url)
  })
})

describe('a page that frames a page of the registry', () => {
  it('a page that frames a page of the registry shows nothing of it', async ({
    member: page,
    registry,
    app,
    keys,
  }) => {
    const address = app.ask(keys)
    const framing = (src: string) =>
      app.origin + app.publish(`<!doctype html><h1>Framing</h1><iframe src="${quoted(src)}">`)

    for (const src of [address, `${registry.url}/login`, registry.url]) {
      await page.goto(framing(src))
      expect(await page.frameLocator('iframe').getByRole('heading').count()).toBe(0)
      await expect
        .poll(() => takeComplaints(page).join())
        .toMatch(/frame-ancestors|X-Frame-Options|framing/i)
    }

    const own = app.publish('<!doctype html><h1>Framed</h1>')
    await page.goto(framing(own))
    await page.frameLocator('iframe').getByRole('heading', { name: 'Framed' }).waitFor()
    await openConsent(page, address)
    expect(await page.title()).toContain(CONSENT_TITLE)
  })
})
