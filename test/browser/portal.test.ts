/** Owners in a browser, from sign-in to the first token with a real client library, and the appearance of the pages. */

import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import {
  CONSENT,
  expectHeading,
  HOME,
  keepScreenshot,
  openPortal,
  it as plain,
  press,
  signIn,
  takeComplaints,
} from './fixtures.ts'
import { expectFineIn, focusOf, LOOKS, tabOn } from './looks.ts'
import type { Registry } from './registry.ts'

const RTL = 'قائمة القراءة الخاصة بالمكتبة'
const LONG = 'Interoperability'.repeat(9).slice(0, 130)

let people = 0
/** A new user for each test, so that the pages show only the clients of the test. */
const it = plain
  .extend('person', async ({ registry }) => {
    people += 1
    return registry.registerUser({ username: `owner${people}` })
  })
  .extend('owner', async ({ open, registry, person }) => openPortal(await open(), registry, person))

type Described = Readonly<{ name: string; kind: RegExp; redirectUris?: string }>

async function register(
  page: Page,
  registry: Registry,
  { name, kind, redirectUris = '' }: Described,
) {
  await page.goto(`${registry.url}/new-client`)
  await page.getByLabel('Name', { exact: true }).fill(name)
  await page.getByRole('radio', { name: kind }).check()
  await page.getByLabel('Redirect URIs').fill(redirectUris)
  await page.getByRole('button', { name: 'Register' }).click()
  await expectHeading(page, 'Your new client')
  const [clientId = '', clientSecret = ''] = await page.locator('code.reference').allTextContents()
  await page.getByRole('link', { name: 'Continue to settings' }).click()
  await expectHeading(page, 'Your client')
  return { clientId, clientSecret }
}

/** The code under this title on the page. */
async function pasted(page: Page, title: string) {
  await page.locator('summary', { hasText: title }).first().click()
  return (await page.locator('details[open] pre').last().textContent()) ?? ''
}

let files = 0
/** A file with the pasted code, in a folder in which the libraries are found. */
async function fileWith(code: string) {
  files += 1
  const path = inProject(join('test', 'browser', `.pasted-${process.pid}-${files}.mjs`))
  await writeFile(path, code)
  return { path, [Symbol.asyncDispose]: () => rm(path) }
}

type Flow = Readonly<{
  address: URL
  tokensFor: (callback: URL) => Promise<{ access_token: string; scope?: string }>
}>

const declareFree = (registry: Registry, name: string) =>
  registry.admin(
    ...['scope', 'create', name, '--sentence', 'Read what is free', '--self-registered'],
  )

describe('from sign-in to the first token', () => {
  it('an owner registers a web application, pastes its openid-client settings and gets a token for a user', async ({
    open,
    registry,
    app,
  }) => {
    const scope = 'free:read'
    await declareFree(registry, scope)
    const person = await registry.registerUser({ username: 'first-token', scopes: [scope] })
    const page = await open()
    await page.goto(registry.url)
    await page.getByRole('link', { name: 'Sign in' }).click()
    await signIn(page, person)
    await expectHeading(page, HOME)
    await page.getByRole('link', { name: 'Your clients' }).click()
    await expectHeading(page, 'Your clients')
    await page.getByRole('link', { name: 'Register a client' }).click()
    const { clientId, clientSecret } = await register(page, registry, {
      name: 'Reading list',
      kind: /with a server/,
      redirectUris: app.callbackUri,
    })
    expect(await page.getByText('Read what is free').count()).toBe(1)
    const code = await pasted(page, 'openid-client')
    expect(code).toContain(clientId)
    expect(code).not.toContain(clientSecret)
    await using file = await fileWith(`${code}\nexport { address, tokensFor }\n`)
    process.env.CLIENT_SECRET = clientSecret
    const { address, tokensFor } = (await import(pathToFileURL(file.path).href)) as Flow
    await page.goto(address.href)
    await expectHeading(page, CONSENT)
    await press(page, 'Allow')
    await page.waitForURL((url) => url.href.startsWith(app.callbackUri))
    const tokens = await tokensFor(new URL(page.url()))
    expect(tokens.scope).toBe(scope)
    expect((await registry.sessionOf(tokens.access_token)).user.username).toBe(person.username)
  })

  it('an owner registers a program without users, which gets a token with the pasted settings and a new secret', async ({
    owner,
    registry,
  }) => {
    await register(owner, registry, { name: 'Nightly job', kind: /without users/ })
    const code = await pasted(owner, 'openid-client')
    await owner.getByRole('link', { name: 'Secrets' }).click()
    await owner.getByRole('radio', { name: /Not at all/ }).check()
    await owner.getByRole('button', { name: 'Make a new secret' }).click()
    await expectHeading(owner, 'A new secret')
    await keepScreenshot(owner, 'portal-new-secret')
    const [, secret = ''] = await owner.locator('code.reference').allTextContents()
    await using file = await fileWith(code)
    const { stdout } = await promisify(execFile)(process.execPath, [file.path], {
      env: { ...process.env, CLIENT_SECRET: secret },
    })
    expect(stdout.trim()).toMatch(/^reg_/)
  })

  it('an owner offers a client to a user, leaves after the user has accepted, and the user sees this in the history', async ({
    owner,
    person,
    open,
    registry,
  }) => {
    const { clientId } = await register(owner, registry, {
      name: 'Book club',
      kind: /without users/,
    })
    const friend = await registry.registerUser({ username: `friend-of-${person.username}` })
    await owner.getByRole('link', { name: 'Owners' }).click()
    await owner.getByLabel('Username').fill(friend.username)
    await owner.getByRole('button', { name: 'Offer ownership' }).click()
    await owner.getByRole('status').filter({ hasText: 'was offered' }).waitFor()
    await owner.goto(`${registry.url}/clients/${clientId}/leave`)
    await owner.getByText(`${friend.username} was offered it, and has not accepted yet.`).waitFor()
    expect(await owner.getByRole('button', { name: 'Leave it' }).count()).toBe(0)

    const theirs = await openPortal(await open(), registry, friend)
    const offer = theirs.getByRole('listitem').filter({ hasText: 'Book club' })
    expect(await offer.textContent()).toContain(`offered by ${person.username}`)
    expect(await offer.textContent()).toContain(clientId)
    await keepScreenshot(theirs, 'portal-offered')
    await theirs.goto(`${registry.url}/clients/${clientId}`)
    expect(await theirs.getByText('Book club').count()).toBe(0)
    await theirs.goto(`${registry.url}/clients`)
    await theirs.getByRole('button', { name: 'Accept Book club' }).click()
    await expectHeading(theirs, 'Your client')
    await theirs.getByRole('status').filter({ hasText: 'You own this client now' }).waitFor()

    await owner.goto(`${registry.url}/clients/${clientId}/leave`)
    await owner.getByText(`${friend.username} becomes the first owner`).waitFor()
    await owner.getByRole('button', { name: 'Leave it' }).click()
    await owner.getByRole('status').filter({ hasText: 'no longer an owner' }).waitFor()
    await theirs.getByRole('link', { name: 'History' }).click()
    await theirs.getByText('left it, so the first owner is now').waitFor()
    await keepScreenshot(theirs, 'portal-owners-history')
  })

  it('an owner requests permissions, and reads why one was declined and that another was authorized', async ({
    owner,
    registry,
  }) => {
    const { clientId } = await register(owner, registry, {
      name: 'Paper reader',
      kind: /in the browser/,
      redirectUris: 'https://papers.example/callback',
    })
    for (const name of ['shelf:read', 'shelf:write']) {
      await registry.admin('scope', 'create', name, '--sentence', `Use ${name}`)
    }
    await owner.getByRole('link', { name: 'Permissions' }).click()
    await owner.getByRole('checkbox', { name: /shelf:read/ }).check()
    await owner.getByRole('checkbox', { name: /shelf:write/ }).check()
    await owner.getByLabel('Endorsements').fill('cs.DL')
    await keepScreenshot(owner, 'portal-asking')
    await owner.getByRole('button', { name: 'Ask', exact: true }).click()
    await owner.getByRole('status').filter({ hasText: 'waits for it' }).waitFor()
    await registry.admin('client', 'authorize', clientId, '--scope', 'shelf:read')
    const reason = ['--reason', 'It only reads.']
    await registry.admin('client', 'withdraw', clientId, '--scope', 'shelf:write', ...reason)
    await owner.reload()
    const item = (name: string) => owner.getByRole('listitem').filter({ hasText: name })
    expect(await item('shelf:read').textContent()).toContain('authorized')
    expect(await item('shelf:write').textContent()).toContain('declined')
    expect(await item('shelf:write').textContent()).toContain('It only reads.')
    expect(await item('cs.DL').textContent()).toContain('requested')
    await keepScreenshot(owner, 'portal-decided')
  })
})

describe('forms with mistakes', () => {
  it('each mistake in a form is shown at its field and in a list with links, and the typed text is kept', async ({
    owner,
    registry,
  }) => {
    await owner.goto(`${registry.url}/new-client`)
    await owner.getByLabel('Description').fill('Kept\nas typed')
    await owner.getByLabel('Redirect URIs').fill('http://papers.example/callback')
    await owner.getByRole('radio', { name: /with a server/ }).check()
    await owner.getByRole('button', { name: 'Register' }).click()
    const alert = owner.getByRole('alert')
    await alert.filter({ hasText: 'Name must not be empty.' }).waitFor()
    expect(await owner.title()).toContain('Problem: Register a client')
    await alert.getByRole('link', { name: /must be https/ }).click()
    expect(await focusOf(owner)).toMatchObject({ name: 'Redirect URIs' })
    const field = owner.getByLabel('Redirect URIs')
    expect(await field.getAttribute('aria-invalid')).toBe('true')
    const described = (await field.getAttribute('aria-describedby')) ?? ''
    for (const id of described.split(' ')) expect(await owner.locator(`#${id}`).count()).toBe(1)
    expect(described).toContain('redirect_uris-problem')
    expect(await owner.getByLabel('Description').inputValue()).toBe('Kept\nas typed')
    expect(await owner.getByRole('radio', { name: /with a server/ }).isChecked()).toBe(true)
    await keepScreenshot(owner, 'portal-mistakes')
  })

  it('the text of a form that is sent after the session expired is kept, and can be sent again after a sign-in in another tab', async ({
    owner,
    registry,
    person,
  }) => {
    await register(owner, registry, { name: 'Nightly job', kind: /without users/ })
    await owner.getByRole('link', { name: 'Edit' }).click()
    await owner.getByLabel('Name', { exact: true }).fill('Typed long ago')
    await owner.context().clearCookies({ name: 'registry_session' })
    await owner.getByRole('button', { name: 'Save' }).click()
    await expectHeading(owner, 'You are signed out')
    await keepScreenshot(owner, 'portal-signed-out')
    const [tab] = await Promise.all([
      owner.context().waitForEvent('page'),
      owner.getByRole('link', { name: 'Sign in' }).click(),
    ])
    await signIn(tab, person)
    await expectHeading(tab, 'Your clients')
    await owner.getByRole('button', { name: 'Continue' }).click()
    await owner.getByRole('alert').filter({ hasText: 'out of date' }).waitFor()
    expect(await owner.getByLabel('Name', { exact: true }).inputValue()).toBe('Typed long ago')
    await owner.getByRole('button', { name: 'Save' }).click()
    await owner.getByRole('status').filter({ hasText: 'was changed' }).waitFor()
    expect(await owner.getByText('Typed long ago').count()).toBeGreaterThan(0)
  })
})

/** The pages of a client, each with its heading. */
const PAGES = [
  ['', 'Your client'],
  ['/edit', 'Edit a client'],
  ['/secrets', 'Secrets'],
  ['/keys', 'Keys'],
  ['/permissions', 'Permissions'],
  ['/owners', 'Owners'],
  ['/history', 'History'],
  ['/disable', 'Disable this client?'],
  ['/delete', 'Delete this client?'],
  ['/leave', 'Leave this client?'],
] as const

describe('the appearance of the pages', () => {
  it.for(LOOKS)(
    'every page of the portal fits the window, has enough contrast and violates no policy (%s)',
    async ([how, options], { open, registry, person }) => {
      const page = await openPortal(await open(options), registry, person)
      await keepScreenshot(page, `portal-none-${how}`)
      const redirectUris = 'https://papers.example/callback'
      await register(page, registry, { name: RTL, kind: /with a server/, redirectUris })
      const { clientId } = await register(page, registry, {
        name: LONG,
        kind: /with a server/,
        redirectUris: `${redirectUris}/${'a'.repeat(150)}`,
      })
      for (const [path, heading] of [
        ['/clients', 'Your clients'],
        ['/new-client', 'Register a client'],
        ...PAGES.map(([path, heading]) => [`/clients/${clientId}${path}`, heading] as const),
      ] as const) {
        await page.goto(registry.url + path)
        await expectHeading(page, heading)
        const name = heading.toLowerCase().replaceAll(/\W+/g, '-')
        await expectFineIn(options.colorScheme, page, `portal-${name}-${how}`)
      }
    },
  )
})

describe('keyboard, clipboard and no script', () => {
  it('an owner registers and deletes a client by keyboard alone', async ({ owner, registry }) => {
    await owner.goto(`${registry.url}/new-client`)
    const tabTo = (name: RegExp) => tabOn(owner, name)
    await tabTo(/^Name/)
    await owner.keyboard.type('By keyboard')
    await tabTo(/with a server/)
    await owner.keyboard.press('ArrowUp')
    await tabTo(/^Redirect URIs/)
    await tabTo(/^Register/)
    await owner.keyboard.press('Enter')
    await expectHeading(owner, 'Your new client')
    await tabTo(/Continue/)
    await owner.keyboard.press('Enter')
    await expectHeading(owner, 'Your client')
    await tabTo(/^Delete/)
    await owner.keyboard.press('Enter')
    await expectHeading(owner, 'Delete this client?')
    await tabTo(/^Delete it/)
    await owner.keyboard.press('Enter')
    await owner.getByRole('status').filter({ hasText: 'was deleted' }).waitFor()
  })

  it('the copy buttons copy the secret, the id and the code, and confirm it', async ({
    open,
    registry,
    person,
  }) => {
    const permissions = ['clipboard-read', 'clipboard-write']
    const page = await openPortal(await open({ permissions }), registry, person)
    const copied = async (name: string) => {
      await page.getByRole('button', { name, exact: true }).click()
      await page.getByRole('status').filter({ hasText: 'Copied' }).last().waitFor()
      return page.evaluate<string>('navigator.clipboard.readText()')
    }
    await page.goto(`${registry.url}/new-client`)
    await page.getByLabel('Name', { exact: true }).fill('Copied')
    await page.getByRole('radio', { name: /without users/ }).check()
    await page.getByRole('button', { name: 'Register' }).click()
    await expectHeading(page, 'Your new client')
    const [id, secret] = await page.locator('code.reference').allTextContents()
    expect(await copied('Copy the client secret')).toBe(secret)
    await keepScreenshot(page, 'portal-copied')
    await page.getByRole('link', { name: 'Continue to settings' }).click()
    expect(await copied('Copy the client id')).toBe(id)
    await page.locator('summary', { hasText: 'curl' }).click()
    expect(await copied('Copy the code for curl, for itself')).toContain(`'${id}:'"$CLIENT_SECRET"`)
    expect(takeComplaints(page)).toEqual([])
  })

  it('the copy button says to copy by hand if the page may not write to the clipboard', async ({
    owner,
    registry,
  }) => {
    const { clientId } = await register(owner, registry, { name: 'By hand', kind: /without users/ })
    await owner.evaluate(`navigator.clipboard.writeText = () => Promise.reject(new Error('no'))`)
    await owner.getByRole('button', { name: 'Copy the client id' }).click()
    await owner.getByRole('status').filter({ hasText: 'select the text' }).waitFor()
    expect(await owner.locator('code.reference').textContent()).toBe(clientId)
  })

  it('a browser without JavaScript registers a client', async ({ open, registry, person }) => {
    const page = await openPortal(await open({ javaScriptEnabled: false }), registry, person)
    const { clientSecret } = await register(page, registry, {
      name: 'Without script',
      kind: /without users/,
    })
    expect(clientSecret).toMatch(/^regs_/)
    expect(await page.getByRole('button', { name: /^Copy/ }).count()).toBe(0)
  })
})
