/** A remembered consent authorizes the same request again, until the client or the scopes change. */

import { describe, expect } from 'vitest'
import {
  allow,
  CONSENT,
  expectHeading,
  openConsent,
  it as plain,
  press,
  signIn,
} from './fixtures.ts'

/** A client to which the demo user has just granted both scopes. */
const it = plain.extend('keys', async ({ member, app, newClient }) => {
  const keys = await newClient({ scopes: ['submission:create', 'submission:read', 'public:read'] })
  await openConsent(member, app.ask(keys))
  await allow(member)
  return keys
})

describe('the remembered consent', () => {
  it('a remembered consent redirects the user without a consent page, with the allowed scopes', async ({
    member: page,
    app,
    keys,
  }) => {
    await page.goto(app.ask(keys))
    await expectHeading(page, 'Connected')
    expect(app.callbacks.at(-1)?.outcome).toMatchObject({
      kind: 'token',
      scope: 'submission:create submission:read',
    })
  })

  it('a remembered consent redirects the user directly after a sign-in, because the policy of the sign-in page allows the redirect', async ({
    page,
    registry,
    app,
    keys,
  }) => {
    await page.goto(app.ask(keys))
    await expectHeading(page, 'Sign in')
    await signIn(page, registry.demo)
    await expectHeading(page, 'Connected')
  })

  it('a remembered consent redirects the user after a wrong password and then the right one', async ({
    page,
    registry,
    app,
    keys,
  }) => {
    await page.goto(app.ask(keys))
    await signIn(page, { ...registry.demo, password: 'wrong password' })
    await page.getByRole('alert').waitFor()
    await signIn(page, registry.demo)
    await expectHeading(page, 'Connected')
  })

  it('a remembered consent redirects a user who has signed out on another consent page and signed in again', async ({
    page,
    registry,
    app,
    keys,
  }) => {
    await page.goto(app.ask(keys, 'public:read'))
    await signIn(page, registry.demo)
    await expectHeading(page, CONSENT)
    await press(page, 'Sign out')
    await expectHeading(page, 'Sign in')
    await page.goto(app.ask(keys))
    await signIn(page, registry.demo)
    await expectHeading(page, 'Connected')
  })
})

describe('consent requests that are not remembered', () => {
  it.for(['submission:read', 'submission:create submission:read public:read'])(
    'another set of requested scopes needs a new consent: %s',
    async (scope, { member: page, app, keys }) => {
      await page.goto(app.ask(keys, scope))
      await expectHeading(page, CONSENT)
      await press(page, 'Cancel')
      // The previous consent is still remembered.
      await expectHeading(page, 'Not connected')
      await page.goto(app.ask(keys))
      await expectHeading(page, 'Connected')
    },
  )

  it.for([
    ['--name', 'Another name'],
    ['--url', 'https://elsewhere.example/'],
    ['--owner', 'u-18'],
    ['--description', 'Does something else.'],
    ['--endorsement', 'cs.*'],
  ])(
    'a change of the client that the consent page shows needs a new consent: %s',
    async (change, { member: page, registry, app, keys }) => {
      await registry.admin('client', 'update', keys.clientId, ...change)
      await page.goto(app.ask(keys))
      await expectHeading(page, CONSENT)
      await allow(page)
      await page.goto(app.ask(keys))
      await expectHeading(page, 'Connected')
    },
  )

  it('another user in the same browser is asked for consent', async ({
    page,
    registry,
    app,
    keys,
  }) => {
    const other = await registry.registerUser({ username: 'barbara' })
    await page.goto(app.ask(keys))
    await signIn(page, other)
    await expectHeading(page, CONSENT)
  })

  it('a consent to fewer scopes than requested does not authorize a request for all of them', async ({
    member: page,
    app,
    newClient,
  }) => {
    const keys = await newClient()
    await page.goto(app.ask(keys))
    await page.getByRole('checkbox', { name: 'Start new submissions' }).uncheck()
    await allow(page)
    await page.goto(app.ask(keys))
    await expectHeading(page, CONSENT)
    await page.goto(app.ask(keys, 'submission:read'))
    await expectHeading(page, 'Connected')
  })

  it('a public client at a loopback address always needs consent, because any local program can impersonate it', async ({
    member: page,
    registry,
    app,
  }) => {
    const keys = await registry.registerClient({
      redirectUris: ['http://127.0.0.1/callback'],
      more: ['--auth-method', 'none'],
    })
    for (let time = 0; time < 2; time++) {
      await page.goto(app.ask(keys))
      await expectHeading(page, CONSENT)
      await allow(page)
    }
  })
})
