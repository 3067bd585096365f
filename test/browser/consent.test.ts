/** The consent page: its content, and the effect of each button. */

import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import type { ClientApp } from './client-app.ts'
import {
  allow,
  CONSENT,
  cancel,
  expectHeading,
  HOME,
  it,
  keepScreenshot,
  openConsent,
  openSession,
  press,
  signIn,
} from './fixtures.ts'
import { overflowOf } from './looks.ts'

const boxOf = (page: Page, sentence: string) => page.getByRole('checkbox', { name: sentence })
const CREATE = 'Start new submissions in your name'
const READ = 'Read your submissions, including those not announced yet'

/** The access token of the last callback. */
function lastToken(app: ClientApp) {
  const outcome = app.callbacks.at(-1)?.outcome
  if (outcome?.kind !== 'token') throw new Error(`no token but ${JSON.stringify(outcome)}`)
  return outcome
}

describe('the consent page', () => {
  it('the consent page shows the client, the user, the scopes and the redirect host', async ({
    member: page,
    app,
    newClient,
  }) => {
    const keys = await newClient({
      name: 'Paper Assistant',
      scopes: ['submission:create', 'submission:read', 'upload:read_logs'],
      more: [
        ...['--url', 'https://papers.example/about', '--description', 'Prepares submissions.'],
        ...['--endorsement', 'cs.* math.AG'],
      ],
    })
    await openConsent(page, app.ask(keys))
    const card = page.getByRole('region', { name: 'The application' })
    for (const words of [
      'Not run by Registry.',
      'What it says about itself:Prepares submissions.',
    ]) {
      expect(await card.textContent()).toContain(words)
    }
    await expectHeading(page, 'Allow Paper Assistant to use your account?')
    expect(await page.textContent('main')).not.toContain('u-17')
    const link = card.getByRole('link', { name: 'https://papers.example/about' })
    expect(await link.getAttribute('rel')).toContain('noopener')

    expect(await page.getByRole('checkbox').count()).toBe(4)
    for (const [sentence, scope] of [
      [CREATE, 'submission:create'],
      [READ, 'submission:read'],
    ] as const) {
      expect(await boxOf(page, sentence).isChecked()).toBe(true)
      expect(await boxOf(page, sentence).getAttribute('value')).toBe(scope)
    }
    const endorsements = page.getByRole('group', { name: 'With your endorsements' })
    for (const sentence of [
      'Submit in cs.DL, a category of Computer Science',
      'Submit in math.AG, a category of Mathematics',
    ]) {
      expect(await endorsements.getByRole('checkbox', { name: sentence }).isChecked()).toBe(true)
    }
    const words = await page.getByRole('main').textContent()
    expect(words).toContain('you will be sent back to a program on this computer.')
    expect(words).toContain('Signed in as demo')
    expect(words).not.toContain('upload')
  })
})

describe('Allow', () => {
  it('Allow gives the client a token whose session has the scopes', async ({
    member: page,
    registry,
    app,
    newClient,
  }) => {
    const keys = await newClient({ more: ['--endorsement', 'cs.*'] })
    await openConsent(page, app.ask(keys))
    await allow(page)
    const { token, scope } = lastToken(app)
    expect(scope).toBe('submission:create submission:read')
    expect(await registry.sessionOf(token)).toMatchObject({
      user: { username: 'demo' },
      authorizations: {
        scopes: ['submission:create', 'submission:read'],
        endorsements: ['cs.DL'],
      },
    })
  })

  it('Allow does not grant a scope that the user has unticked', async ({
    consent: page,
    registry,
    app,
  }) => {
    await boxOf(page, CREATE).uncheck()
    await allow(page)
    const { token, scope } = lastToken(app)
    expect(scope).toBe('submission:read')
    const { authorizations } = await registry.sessionOf(token)
    expect(authorizations.scopes).toEqual(['submission:read'])
  })

  it('the consent page without a ticked scope says so and offers only Cancel, without a script', async ({
    open,
    memberState,
    registry,
    app,
    newClient,
  }) => {
    const page = await open({ storageState: memberState, javaScriptEnabled: false })
    const keys = await newClient({ more: ['--endorsement', 'cs.*'] })
    await openConsent(page, app.ask(keys))
    const note = page.getByText('Nothing is ticked.')
    const allow = page.getByRole('button', { name: 'Allow' })
    expect(await note.isVisible()).toBe(false)
    // A ticked endorsement without a scope does not enable Allow.
    await boxOf(page, CREATE).uncheck()
    await boxOf(page, READ).uncheck()
    await note.waitFor()
    expect(await allow.isVisible()).toBe(false)
    await keepScreenshot(page, 'consent-nothing-ticked')
    await boxOf(page, READ).check()
    await allow.waitFor()
    expect(await note.isVisible()).toBe(false)
    await boxOf(page, READ).uncheck()
    await cancel(page)
    expect(app.callbacks.at(-1)?.outcome).toEqual({ kind: 'refused', error: 'access_denied' })
    expect(await registry.grantsTo(keys.clientId)).toEqual({ codes: 0, consents: 0 })
  })

  it('the consent page marks a client whose name looks like the name of the service, even in a narrow window', async ({
    open,
    memberState,
    app,
    newClient,
  }) => {
    const page = await open({
      ...{ storageState: memberState, javaScriptEnabled: false },
      ...{ colorScheme: 'dark', viewport: { width: 360, height: 800 } },
    })
    const keys = await newClient({
      ...{ name: 'R3gistry Helper' },
      more: ['--description', 'Assistente', '--url', 'https://www.long-name-of-a-site.example/'],
    })
    await openConsent(page, app.ask(keys))
    await keepScreenshot(page, 'consent-marked-dark-360')
    expect(await page.getByText('looks like').count()).toBe(1)
    expect(await overflowOf(page)).toBeLessThanOrEqual(0)
  })

  it('a double click on Allow grants once, and the client gets no error', async ({
    consent: page,
    registry,
    app,
    keys,
  }) => {
    const before = app.callbacks.length
    await page.getByRole('button', { name: 'Allow' }).dblclick()
    await expectHeading(page, 'Connected')
    expect(app.callbacks.slice(before).map(({ outcome }) => outcome.kind)).toEqual(['token'])
    expect((await registry.grantsTo(keys.clientId)).consents).toBe(1)
  })
})

describe('an outdated consent page', () => {
  it('Allow on a consent page whose client has changed grants nothing and shows the page again with the change', async ({
    consent: page,
    registry,
    keys,
  }) => {
    await registry.admin('client', 'update', keys.clientId, '--name', 'Another name')
    await press(page, 'Allow')
    await page.getByRole('alert').filter({ hasText: 'has changed' }).waitFor()
    await keepScreenshot(page, 'consent-changed')
    expect(await page.getByRole('main').textContent()).toContain('Another name')
    expect(await registry.grantsTo(keys.clientId)).toEqual({ codes: 0, consents: 0 })
    await allow(page)
  })

  it('Allow on a consent page from a previous sign-in shows the page again, and its form works', async ({
    page,
    registry,
    app,
    keys,
  }) => {
    await page.goto(app.ask(keys))
    await signIn(page, registry.demo)
    await expectHeading(page, CONSENT)
    const other = await page.context().newPage()
    await openSession(other, registry)
    await press(page, 'Allow')
    await page.getByRole('alert').filter({ hasText: 'out of date' }).waitFor()
    await keepScreenshot(page, 'consent-out-of-date')
    expect((await registry.grantsTo(keys.clientId)).codes).toBe(0)
    await allow(page)
  })
})

describe('Cancel', () => {
  it('Cancel sends the client access_denied with its state, our iss and no code', async ({
    member: page,
    registry,
    app,
    keys,
  }) => {
    const address = app.ask(keys)
    await openConsent(page, address)
    await cancel(page)
    expect(app.callbacks.at(-1)?.params).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      error_uri: expect.stringContaining('/errors/access_denied'),
      state: new URL(address).searchParams.get('state'),
      iss: registry.url,
    })
    expect(await registry.grantsTo(keys.clientId)).toEqual({ codes: 0, consents: 0 })
  })

  it('the Enter key presses Cancel and not Allow', async ({
    consent: page,
    registry,
    app,
    keys,
  }) => {
    await boxOf(page, CREATE).press('Enter')
    await expectHeading(page, 'Not connected')
    expect(await registry.grantsTo(keys.clientId)).toEqual({ codes: 0, consents: 0 })

    // Control: Enter on the Allow button does allow.
    await openConsent(page, app.ask(keys))
    await page.getByRole('button', { name: 'Allow' }).press('Enter')
    await expectHeading(page, 'Connected')
  })
})

describe('the Back button', () => {
  it('the Back button after Cancel shows the consent page again, and its form still works', async ({
    consent: page,
  }) => {
    await cancel(page)
    await page.goBack()
    await expectHeading(page, CONSENT)
    await allow(page)
  })

  it('the Back button after Allow redirects to the client again because of the remembered consent', async ({
    consent: page,
    app,
  }) => {
    await allow(page)
    await page.goBack()
    await expectHeading(page, 'Connected')
    expect(app.callbacks.slice(-2).map(({ outcome }) => outcome.kind)).toEqual(['token', 'token'])
  })

  it('the Back button after a sign-in shows no error', async ({ page, registry }) => {
    await page.goto(`${registry.url}/login`)
    await page.getByLabel('Username').fill('demo')
    await page.getByLabel('Password').fill(registry.demo.password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await expectHeading(page, HOME)
    await page.goBack()
    await expectHeading(page, 'Sign in')
    expect(await page.getByRole('alert').count()).toBe(0)
  })
})
