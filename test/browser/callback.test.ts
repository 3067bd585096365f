/** The redirect to the client: the content security policy must allow every registered redirect URI. */

import { describe, expect } from 'vitest'
import { allow, expectHeading, it, openConsent, press, signIn, takeComplaints } from './fixtures.ts'

describe('the authorization response', () => {
  it('the authorization response reaches a client whose callback redirects to another host of the client', async ({
    member: page,
    registry,
    app,
  }) => {
    const keys = await registry.registerClient({ redirectUris: [app.forwardingUri] })
    await openConsent(page, app.ask(keys, undefined, { redirect_uri: app.forwardingUri }))
    await allow(page)
    expect(new URL(page.url()).origin).toBe(app.localhost)
  })

  it('the authorization response directly after a sign-in reaches a client whose callback redirects to another host', async ({
    page,
    member,
    registry,
    app,
  }) => {
    const keys = await registry.registerClient({ redirectUris: [app.forwardingUri] })
    const ask = () => app.ask(keys, undefined, { redirect_uri: app.forwardingUri })
    await openConsent(member, ask())
    await allow(member)
    await page.goto(ask())
    await signIn(page, registry.demo)
    await expectHeading(page, 'Connected')
  })

  it('every authorization response reaches a client whose callback redirects to an application on the device', async ({
    page,
    member,
    registry,
    app,
  }) => {
    const keys = await registry.registerClient({ redirectUris: [app.relayUri] })
    const ask = () => app.ask(keys, undefined, { redirect_uri: app.relayUri })
    const arrived = async (asked: string, answer: () => Promise<unknown>, name: string) => {
      await answer()
      const state = new URL(asked).searchParams.get('state')
      await expect.poll(() => app.relayed()?.state).toBe(state)
      expect(app.relayed()).toHaveProperty(name)
    }
    for (const [button, name] of [
      ['Cancel', 'error'],
      ['Allow', 'code'],
    ] as const) {
      const asked = ask()
      // A new tab for each response, because in the last one Chromium asks whether to open the application, and ignores clicks.
      const tab = await member.context().newPage()
      await openConsent(tab, asked)
      await arrived(asked, () => press(tab, button), name)
    }
    // Directly after a sign-in, the remembered consent redirects.
    const asked = ask()
    await page.goto(asked)
    await arrived(asked, () => signIn(page, registry.demo), 'code')
    // The redirect URI needs no server. Chromium reports an error if the policy forbids it.
    await page.waitForTimeout(500)
    expect([takeComplaints(member), takeComplaints(page)]).toEqual([[], []])
  })

  it.for(['http://[::1]:9/callback', 'com.example.app:/callback'])(
    'the authorization response reaches a native application at %s',
    async (redirectUri, { member: page, registry, app }) => {
      const keys = await registry.registerClient({
        redirectUris: [redirectUri],
        more: ['--auth-method', 'none'],
      })
      await openConsent(page, app.ask(keys, undefined, { redirect_uri: redirectUri }))
      // The redirect URI needs no server. Chromium reports no response if the policy forbids the redirect.
      const answered = page.waitForResponse(`${registry.url}/authorize`)
      await press(page, 'Allow')
      expect((await answered).headers().location).toContain(`${redirectUri}?code=`)
      expect(takeComplaints(page)).toEqual([])
    },
  )
})
