/** The way back to the client: a page's policy must let the browser go where the registration allows. */

import { describe, expect } from 'vitest'
import { expectHeading, it, openConsent, press, signIn, takeComplaints } from './fixtures.ts'

describe('the answer reaches the client', () => {
  it('when its callback sends the user on to another host of its own', async ({
    member: page,
    registry,
    app,
  }) => {
    const keys = await registry.registerClient({ redirectUris: [app.forwardingUri] })
    await openConsent(page, app.ask(keys, undefined, { redirect_uri: app.forwardingUri }))
    await press(page, 'Allow')
    await expectHeading(page, 'Connected')
    expect(new URL(page.url()).origin).toBe(app.localhost)
  })

  it('when that happens directly after a sign-in', async ({ page, member, registry, app }) => {
    const keys = await registry.registerClient({ redirectUris: [app.forwardingUri] })
    const ask = () => app.ask(keys, undefined, { redirect_uri: app.forwardingUri })
    await openConsent(member, ask())
    await press(member, 'Allow')
    await expectHeading(member, 'Connected')
    await page.goto(ask())
    await signIn(page, registry.demo)
    await expectHeading(page, 'Connected')
  })

  it.for(['http://[::1]:9/callback', 'com.example.app:/callback'])(
    'when that is a native app at %s',
    async (redirectUri, { member: page, registry, app }) => {
      const keys = await registry.registerClient({
        redirectUris: [redirectUri],
        more: ['--auth-method', 'none'],
      })
      await openConsent(page, app.ask(keys, undefined, { redirect_uri: redirectUri }))
      // Nobody need be there. Chromium reports no response whose redirect the page's policy forbids.
      const answered = page.waitForResponse(`${registry.url}/authorize`)
      await press(page, 'Allow')
      expect((await answered).headers().location).toContain(`${redirectUri}?code=`)
      expect(takeComplaints(page)).toEqual([])
    },
  )
})
