/** Owners in a browser, from a request of a real client library that fails to its cause and to a request that works. */

import * as openid from 'openid-client'
import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { CONSENT, expectHeading, it, keepScreenshot, openPortal, press } from './fixtures.ts'
import type { Registry } from './registry.ts'

async function ownedBy(
  registry: Registry,
  username: string,
  given: Parameters<Registry['registerClient']>[0],
) {
  const { user_id } = await registry.admin('user', 'show', username)
  const { more = [] } = given
  const keys = await registry.registerClient(given)
  await registry.admin('client', 'update', keys.clientId, '--owner', String(user_id))
  return { ...keys, clientSecret: keys.clientSecret ?? '', more }
}

const configured = (registry: Registry, clientId: string, secret: string) =>
  openid.discovery(new URL(registry.url), clientId, {}, openid.ClientSecretBasic(secret), {
    algorithm: 'oauth2',
    execute: [openid.allowInsecureRequests],
  })

/** Follows the links from an error page to the request checker of the client. */
async function openChecker(page: Page, name: string) {
  await page.getByRole('link', { name: /what this error means/ }).click()
  await page.getByRole('main').getByRole('link', { name: 'Your clients' }).click()
  await page.getByRole('link', { name }).click()
  await expectHeading(page, 'Your client')
  await page.getByRole('link', { name: 'Check a request' }).click()
  await expectHeading(page, 'Check a request')
}

async function check(page: Page, request: string) {
  await page.getByLabel('Request', { exact: true }).fill(request)
  await page.getByRole('button', { name: 'Check', exact: true }).click()
  await page.getByRole('heading', { name: 'Result' }).waitFor()
}

async function lookUp(page: Page, reference: string) {
  await page.getByLabel('Reference').fill(reference)
  await page.getByRole('button', { name: 'Look it up' }).click()
}

const failedCheck = (page: Page) => page.locator('.checks > .failed')

describe('from a failing request to its cause', () => {
  it('an owner reads in the request checker why a redirect URI is refused, corrects it, and the same request works', async ({
    open,
    registry,
    app,
  }) => {
    const person = await registry.registerUser({ username: 'misspelt' })
    const wrong = app.callbackUri.replace('callback', 'calback')
    const { clientId, clientSecret } = await ownedBy(registry, 'misspelt', {
      name: 'Misspelt reader',
      redirectUris: [wrong],
      scopes: ['submission:read'],
    })
    const config = await configured(registry, clientId, clientSecret)
    const verifier = openid.randomPKCECodeVerifier()
    const state = openid.randomState()
    const address = openid.buildAuthorizationUrl(config, {
      redirect_uri: app.callbackUri,
      scope: 'submission:read',
      state,
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const page = await openPortal(await open(), registry, person)
    await page.goto(address.href)
    await expectHeading(page, 'This request failed')
    const reference = (await page.locator('code.reference').textContent()) ?? ''

    await openChecker(page, 'Misspelt reader')
    await keepScreenshot(page, 'check-empty')
    await lookUp(page, reference)
    await page
      .getByText('redirect_uri differs from the nearest registered one at character')
      .waitFor()
    await keepScreenshot(page, 'check-refusal')

    await check(page, address.href)
    expect(await failedCheck(page).textContent()).toContain('redirect_uri is registered')
    expect(await failedCheck(page).textContent()).toContain(wrong)
    expect(await page.locator('mark').allTextContents()).toEqual(['back', 'lback'])
    await keepScreenshot(page, 'check-redirect')

    await page.getByRole('link', { name: 'Back to the client' }).click()
    await page.getByRole('link', { name: 'Edit' }).click()
    await page.getByLabel('Redirect URIs').fill(app.callbackUri)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('status').filter({ hasText: 'was changed' }).waitFor()
    await page.getByRole('link', { name: 'Check a request' }).click()
    await check(page, address.href)
    await page.getByText('The registry would ask you for your consent.').waitFor()
    expect(await failedCheck(page).count()).toBe(0)
    await keepScreenshot(page, 'check-passed')

    await page.goto(address.href)
    await expectHeading(page, CONSENT)
    await press(page, 'Allow')
    await page.waitForURL((url) => url.href.startsWith(app.callbackUri))
    const tokens = await openid.authorizationCodeGrant(config, new URL(page.url()), {
      expectedState: state,
      pkceCodeVerifier: verifier,
    })
    expect((await registry.sessionOf(tokens.access_token)).user.username).toBe('misspelt')
  })

  it('an owner finds with the request checker that the secret of a client library is wrong, and a checked code can still be redeemed', async ({
    open,
    registry,
    app,
  }) => {
    const person = await registry.registerUser({ username: 'mistaken' })
    const { clientId, clientSecret } = await ownedBy(registry, 'mistaken', {
      name: 'Mistaken reader',
      redirectUris: [app.callbackUri],
      scopes: ['submission:read'],
    })
    const page = await openPortal(await open(), registry, person)
    const mistaken = await configured(registry, clientId, `${clientSecret.slice(0, -1)}_`)
    const verifier = openid.randomPKCECodeVerifier()
    const address = openid.buildAuthorizationUrl(mistaken, {
      redirect_uri: app.callbackUri,
      scope: 'submission:read',
      code_challenge: await openid.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    await page.goto(address.href)
    await press(page, 'Allow')
    await page.waitForURL((url) => url.href.startsWith(app.callbackUri))
    const callback = new URL(page.url())
    const redeem = (config: openid.Configuration) =>
      openid.authorizationCodeGrant(config, callback, { pkceCodeVerifier: verifier })
    const failure = await redeem(mistaken).catch((cause: unknown) => cause)
    if (!(failure instanceof openid.WWWAuthenticateChallengeError)) throw failure
    expect(failure.status).toBe(401)
    const reference = failure.response.headers.get('X-Correlation-Id') ?? ''

    await page.goto(`${registry.url}/clients/${clientId}/check`)
    await lookUp(page, reference)
    await page.getByText('Wrong secret.').waitFor()

    const code = callback.searchParams.get('code') ?? ''
    const curl = (secret: string) =>
      [
        `curl ${registry.url}/token`,
        `-u '${clientId}:${secret}'`,
        `-d grant_type=authorization_code -d code=${code}`,
        `--data-urlencode redirect_uri=${app.callbackUri} -d code_verifier=${verifier}`,
      ].join(' \\\n  ')
    await check(page, curl(`${clientSecret.slice(0, -1)}_`))
    expect(await failedCheck(page).textContent()).toContain('the checksum does not fit')
    await keepScreenshot(page, 'check-secret')
    const shown = await page.content()
    for (const secret of [clientSecret, clientSecret.slice(0, -1), code, verifier]) {
      expect(shown).not.toContain(secret)
    }
    await check(page, curl(clientSecret))
    await page.getByText('The registry would issue an access token').waitFor()
    await page.reload()
    const tokens = await redeem(await configured(registry, clientId, clientSecret))
    expect((await registry.sessionOf(tokens.access_token)).user.username).toBe('mistaken')

    await check(page, curl(clientSecret))
    expect(await failedCheck(page).textContent()).toContain('was not used before')
    await keepScreenshot(page, 'check-used')
    expect(page.url()).toBe(`${registry.url}/clients/${clientId}/check`)
  })
})
