/** From request to approval to consent, in the browsers of an owner, an approver and a user, and the appearance of the approver's pages. */

import { describe, expect } from 'vitest'
import {
  allow,
  expectHeading,
  keepScreenshot,
  type Open,
  openConsent,
  openPortal,
  it as plain,
} from './fixtures.ts'
import { expectFineIn, LOOKS, tabOn } from './looks.ts'
import type { Registry } from './registry.ts'

const RTL = 'قائمة القراءة الخاصة بالمكتبة'
const LONG = 'Interoperability'.repeat(9).slice(0, 130)
const HOSTILE = '<img src=x onerror=alert(1)> “approved by Registry” \u202eevil'
const ASKS = 'What a client asks for'

let people = 0
const it = plain
  .extend('approverUser', async ({ registry }) => {
    people += 1
    return registry.registerUser({
      username: `approver${people}`,
      scopes: ['registry:approve', 'submission:read'],
    })
  })
  .extend('approver', async ({ open, registry, approverUser }) =>
    openPortal(await open(), registry, approverUser),
  )

type Requested = Readonly<{ name: string; redirectUri?: string; scopes?: readonly string[] }>

/** A client of a new owner, who requests these scopes in the browser. */
async function requestedBy(
  open: Open,
  registry: Registry,
  { name, redirectUri = 'https://papers.example/callback', scopes = [] }: Requested,
) {
  people += 1
  const person = await registry.registerUser({ username: `asking${people}` })
  const { user_id } = await registry.admin('user', 'show', person.username)
  const made = await registry.admin(
    ...['client', 'create', '--name', name, '--owner', String(user_id)],
    ...['--grant-type', 'authorization_code', '--redirect-uri', redirectUri],
    ...['--scope', 'submission:read'],
  )
  const clientId = String(made.client_id)
  const owner = await openPortal(await open(), registry, person)
  await owner.goto(`${registry.url}/clients/${clientId}/permissions`)
  for (const scope of scopes) await owner.locator(`input[value="${scope}"]`).check()
  await owner.getByLabel('Endorsements').fill('math.*')
  await owner.getByRole('button', { name: 'Ask', exact: true }).click()
  await owner.getByRole('status').filter({ hasText: 'waits for it' }).waitFor()
  return { owner, clientId, clientSecret: String(made.client_secret) }
}

describe('from request to approval to consent', () => {
  it('an owner requests scopes, an approver approves and declines, the owner reads the reason, and a user allows the approved scopes', async ({
    open,
    registry,
    app,
    approver,
    member,
  }) => {
    const { owner, ...keys } = await requestedBy(open, registry, {
      name: 'Paper Assistant',
      redirectUri: app.callbackUri,
      scopes: ['submission:create', 'upload:read_logs'],
    })
    await member.goto(app.ask(keys, 'submission:read submission:create'))
    await expectHeading(member, 'Not connected')
    expect(app.callbacks.at(-1)?.outcome).toEqual({ kind: 'refused', error: 'invalid_scope' })

    await approver.getByRole('link', { name: 'Approvals' }).click()
    await expectHeading(approver, 'Approvals')
    await approver.getByRole('link', { name: 'Paper Assistant' }).click()
    await expectHeading(approver, ASKS)
    await approver.getByText('Start new submissions in your name').waitFor()
    await keepScreenshot(approver, 'approvals-deciding')
    await approver.getByRole('checkbox', { name: /upload:read_logs/ }).uncheck()
    await approver.getByRole('checkbox', { name: /math/ }).uncheck()
    await approver.getByRole('button', { name: 'Approve' }).click()
    await approver.getByRole('status').filter({ hasText: 'is approved' }).waitFor()

    await approver.getByRole('button', { name: 'Decline' }).click()
    await approver.getByRole('alert').filter({ hasText: 'Say why, for the owners.' }).waitFor()
    await keepScreenshot(approver, 'approvals-mistake')
    await approver.getByLabel('Reason').fill('It reads no logs, and submits nothing in math.')
    await approver.getByRole('button', { name: 'Decline' }).click()
    await approver.getByRole('status').filter({ hasText: 'is declined' }).waitFor()
    await expectHeading(approver, 'Approvals')
    expect(await approver.getByText('Paper Assistant').count()).toBe(0)

    await owner.reload()
    const item = (name: string) => owner.getByRole('listitem').filter({ hasText: name })
    expect(await item('submission:create').textContent()).toContain('authorized')
    for (const declined of ['upload:read_logs', 'math.*']) {
      expect(await item(declined).textContent()).toContain('declined')
      expect(await item(declined).textContent()).toContain('It reads no logs')
    }
    await keepScreenshot(owner, 'approvals-owner-reads')

    await openConsent(member, app.ask(keys, 'submission:read submission:create'))
    await member.getByText('Start new submissions in your name').waitFor()
    await allow(member)
    expect(app.callbacks.at(-1)?.outcome).toMatchObject({
      kind: 'token',
      scope: 'submission:create submission:read',
    })
  })

  it('the second of two approvers sees the decision of the first on a new page, and changes nothing', async ({
    open,
    registry,
    approver,
  }) => {
    const { clientId } = await requestedBy(open, registry, {
      name: 'Wanted twice',
      scopes: ['submission:create', 'upload:read_logs'],
    })
    people += 1
    const scopes = ['registry:approve']
    const second = await registry.registerUser({ username: `second${people}`, scopes })
    const other = await openPortal(await open(), registry, second)
    for (const page of [approver, other]) {
      await page.goto(`${registry.url}/approvals/${clientId}`)
      await expectHeading(page, ASKS)
    }
    await other.getByRole('checkbox', { name: /submission:create/ }).uncheck()
    await other.getByLabel('Reason').fill('Not this one.')
    await other.getByRole('button', { name: 'Decline' }).click()
    await other.getByRole('status').waitFor()
    await approver.getByRole('button', { name: 'Approve' }).click()
    await approver.getByRole('alert').filter({ hasText: 'changed since you opened' }).waitFor()
    const since = approver.getByRole('region', { name: 'Since you opened the page' })
    expect(await since.textContent()).toContain(`second${people} declined`)
    expect(await since.textContent()).toContain('Not this one.')
    await keepScreenshot(approver, 'approvals-too-late')
    await approver.getByRole('button', { name: 'Approve' }).click()
    await approver.getByRole('status').filter({ hasText: 'is approved' }).waitFor()
  })
})

/** Clients with hostile, long and right-to-left names, each with a request, and one that was changed after approval. */
async function prepareLooks(registry: Registry) {
  const shown: string[] = []
  for (const [index, name] of [RTL, LONG, HOSTILE].entries()) {
    const made = await registry.admin(
      ...['client', 'create', '--name', name, '--owner', `owner-of-${name}`],
      ...['--redirect-uri', `https://papers.example/${'a'.repeat(60 * index)}`],
      ...['--url', `https://papers.example/${'b'.repeat(100 * index)}`, '--description', name],
      ...['--scope', 'submission:read', '--grant-type', 'authorization_code'],
    )
    const id = String(made.client_id)
    const asked = Array.from({ length: 4 }, (_, n) => `shelf-${index}:read:${'x'.repeat(20 * n)}`)
    await registry.insert(
      'INSERT INTO client_authorization (client_id, scope, requested_at) VALUES (?1, ?2, ?3)',
      [...asked, 'submission:create', 'submission:read:*'].map((scope) => [id, scope, index]),
    )
    await registry.insert(
      'INSERT INTO client_endorsement (client_id, category, requested_at) VALUES (?1, ?2, ?3)',
      [[id, 'cs.*', 1]],
    )
    await registry.admin('client', 'withdraw', id, '--scope', asked[0] ?? '', '--reason', name)
    await registry.admin(
      'client',
      'update',
      id,
      '--name',
      name.replace(/^(.{12})/, '$1·'),
      '--redirect-uri',
      'https://other.example/',
    )
    shown.push(id)
  }
  return shown
}

describe('the appearance of the pages of approvers', () => {
  it.for(LOOKS)(
    'every page of an approver fits the window, has enough contrast and violates no policy (%s)',
    async ([how, options], { open, registry, approverUser }) => {
      const page = await openPortal(await open(options), registry, approverUser)
      const ids = await prepareLooks(registry)
      const visits = [
        ['/approvals', 'Approvals', 'queue'],
        ...ids.map((id, index) => [`/approvals/${id}`, ASKS, `client-${index}`] as const),
        ['/approvals/no-such-client', 'There is no such client', 'none'],
      ] as const
      for (const [path, heading, name] of visits) {
        await page.goto(registry.url + path)
        await expectHeading(page, heading)
        await expectFineIn(options.colorScheme, page, `approvals-${name}-${how}`)
      }
      for (const id of ids) await registry.admin('client', 'delete', id)
    },
  )

  it('200 clients with requests are listed 50 on a page, the oldest request first', async ({
    approver,
    registry,
  }) => {
    await approver.goto(`${registry.url}/approvals`)
    await expectHeading(approver, 'Approvals')
    await keepScreenshot(approver, 'approvals-0')
    const names = Array.from({ length: 200 }, (_, n) => `Waiting ${String(n).padStart(3, '0')}`)
    await registry.addClients(
      names.map((name) => ({ client_id: name.replace(' ', '-'), name, owner_id: 'u-17' })),
    )
    await registry.insert(
      'INSERT INTO client_authorization (client_id, scope, requested_at) VALUES (?1, ?2, ?3)',
      names.map((name, n) => [name.replace(' ', '-'), 'submission:create', 1000 - n]),
    )
    await approver.reload()
    await keepScreenshot(approver, 'approvals-200')
    const seen: string[] = []
    for (const page of [1, 2, 3, 4]) {
      const links = approver.locator('.listed > li > a')
      seen.push(...(await links.allTextContents()))
      if (page < 4) await approver.getByRole('link', { name: 'Next' }).click()
      await expectHeading(approver, 'Approvals')
    }
    expect(seen).toEqual(names.toReversed())
    for (const name of names)
      await registry.insert('DELETE FROM client WHERE client_id = ?1', [[name.replace(' ', '-')]])
  })
})

describe('the keyboard', () => {
  it('an approver decides by keyboard alone', async ({ open, registry, approver }) => {
    const { clientId } = await requestedBy(open, registry, { name: 'By keyboard' })
    await approver.goto(`${registry.url}/approvals/${clientId}`)
    const tabTo = (name: RegExp) => tabOn(approver, name)
    await tabTo(/math/)
    await tabTo(/^Reason/)
    await tabTo(/^Decline/)
    await tabTo(/^Approve/)
    await approver.keyboard.press('Enter')
    await approver.getByRole('status').filter({ hasText: 'is approved' }).waitFor()
  })
})
