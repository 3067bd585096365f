/** The directory in a browser: an owner and an approver list a client, a visitor finds it, and the appearance of the pages. */

import { describe, expect } from 'vitest'
import { searchKey, searchKeysOf } from '../../src/domain/directory.ts'
import { expectHeading, keepScreenshot, it as plain, signIn } from './fixtures.ts'
import { expectFineIn, focusOf, LOOKS } from './looks.ts'
import { type Registry, startRegistry } from './registry.ts'

const DIRECTORY = 'Directory of applications'

/** A registry with `DIRECTORY` on, which is off by default. */
const it = plain
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the pattern
  .extend('registry', { scope: 'worker' }, async ({}, { onCleanup }) => {
    const registry = await startRegistry({ DIRECTORY: 'on' })
    onCleanup(registry.end)
    return registry
  })

type Listed = Readonly<{ name: string; url?: string; description?: string }>

/** Writes the listed clients to the database in one transaction. */
async function list(registry: Registry, prefix: string, clients: readonly Listed[]) {
  const rows = clients.map((client, n) => ({
    ...{ url: '', description: '', ...client, id: `${prefix}-${n}` },
    ...{ nameKey: searchKey(client.name), keys: searchKeysOf({ url: '', ...client }) },
  }))
  const parts = Array.from({ length: Math.ceil(rows.length / 1000) }, (_, n) => [
    JSON.stringify(rows.slice(n * 1000, (n + 1) * 1000)),
  ])
  for (const sql of [
    `INSERT INTO client (client_id, name, url, description, owner_id, created_at, updated_at)
       SELECT value ->> 'id', value ->> 'name', value ->> 'url', value ->> 'description', 'o', 1, 1 FROM json_each(?1)`,
    `INSERT INTO listing (client_id, requested_at, listed_at, name_key)
       SELECT value ->> 'id', 1, 1, value ->> 'nameKey' FROM json_each(?1)`,
    `INSERT INTO listing_key (key, client_id)
       SELECT k.value, j.value ->> 'id' FROM json_each(?1) j, json_each(j.value, '$.keys') k`,
  ]) {
    await registry.insert(sql, parts)
  }
}

const HOSTILE: readonly Listed[] = [
  {
    name: 'Hostile قائمة القراءة الخاصة بالمكتبة',
    url: 'https://shelf.example',
    description: 'تحفظ ما تريد قراءته',
  },
  {
    name: `Hostile ${'Interoperability'.repeat(9).slice(0, 120)}`,
    url: `https://${'a'.repeat(60)}.${'b'.repeat(60)}.example/`,
  },
  { name: 'Hostile <img src=x onerror=alert(1)> \u202eevil', description: 'x'.repeat(3000) },
  { name: 'Hostile Rеgistry', url: 'https://xn--pple-43d.example' },
  { name: `Hostile Z${'\u0301'.repeat(40)}algo`, url: 'javascript:alert(1)' },
]

describe('the directory in a browser', () => {
  it('a directory without clients says that it is empty', async ({ page, registry }) => {
    await page.goto(registry.url)
    await page.getByRole('link', { name: DIRECTORY }).click()
    await expectHeading(page, DIRECTORY)
    await page.getByRole('status').filter({ hasText: 'No application is listed yet.' }).waitFor()
    await expectFineIn('light', page, 'directory-empty')
  })

  it('an owner requests a listing, an approver lists the client, a visitor finds it, and the owner removes the listing', async ({
    open,
    registry,
  }) => {
    const owner = await registry.registerUser({ username: 'lister' })
    const decider = await registry.registerUser({
      username: 'decider',
      scopes: ['registry:approve'],
    })
    const [page, approver, visitor] = [await open(), await open(), await open()]
    await page.goto(`${registry.url}/new-client`)
    await signIn(page, owner)
    await page.getByLabel('Name', { exact: true }).fill('Fresh Papers')
    await page.getByLabel('Web page (optional)').fill('https://fresh.example')
    await page.getByLabel('Description (optional)').fill('Shows new papers.')
    await page.getByRole('radio', { name: /without users/ }).check()
    await page.getByRole('button', { name: 'Register' }).click()
    await page.getByRole('link', { name: 'Continue to settings' }).click()
    await page.getByRole('link', { name: 'Directory' }).click()
    await expectHeading(page, 'Directory')
    await expectFineIn('light', page, 'directory-asking')
    await page.getByRole('button', { name: 'Ask to be listed' }).click()
    await page.getByRole('status').filter({ hasText: 'An approver decides' }).waitFor()

    await approver.goto(`${registry.url}/approvals`)
    await signIn(approver, decider)
    await expectHeading(approver, 'Approvals')
    await expectFineIn('light', approver, 'directory-queue')
    await approver.getByRole('link', { name: 'Fresh Papers' }).click()
    await expectFineIn('light', approver, 'directory-deciding')
    await approver.getByRole('button', { name: 'List it', exact: true }).click()
    await approver.getByRole('status').filter({ hasText: 'is in the directory' }).waitFor()

    await visitor.goto(`${registry.url}/directory`)
    await visitor.getByLabel('Name or host').fill('FRESH.exa')
    await visitor.keyboard.press('Enter')
    await visitor.getByRole('heading', { name: 'Fresh Papers' }).waitFor()
    expect(
      (await visitor.locator('main').ariaSnapshot()).replaceAll(registry.url, ''),
    ).toMatchInlineSnapshot(`
      "- main:
        - heading "Directory of applications" [level=1]
        - paragraph: These applications can ask for access to your account at Registry. Their owners wrote what they say about themselves, and Registry does not run them.
        - search:
          - text: Name or host
          - searchbox "Name or host": FRESH.exa
          - button "Search"
        - list:
          - listitem:
            - heading "Fresh Papers" [level=2]
            - paragraph:
              - link "fresh.example":
                - /url: https://fresh.example/
              - text: by
              - strong: lister
            - paragraph: Shows new papers.
            - group: It may ask for 1 permission"
    `)

    await page.getByRole('link', { name: 'Directory', exact: true }).click()
    await page.getByRole('button', { name: 'Leave the directory' }).click()
    await page.getByRole('status').filter({ hasText: 'no longer in the directory' }).waitFor()
    await visitor.goto(`${registry.url}/directory?q=fresh`)
    await visitor.getByRole('status').filter({ hasText: 'No listed application' }).waitFor()
    await expectFineIn('light', visitor, 'directory-no-hit')
  })

  it.for(LOOKS)(
    'the directory with hostile names fits the window, has enough contrast and violates no policy (%s)',
    async ([how, options], { open, registry }) => {
      const page = await open(options)
      await list(
        registry,
        `hostile-${how}`,
        HOSTILE.map((one) => ({ ...one, name: `${how} ${one.name}` })),
      )
      await page.goto(`${registry.url}/directory?q=${how}+hostile`)
      await expectHeading(page, DIRECTORY)
      expect(await page.getByRole('heading', { level: 2 }).count()).toBe(HOSTILE.length)
      await expectFineIn(options.colorScheme, page, `directory-hostile-${how}`)
    },
  )

  it('a directory of 10,000 clients is read 50 on a page by keyboard alone', async ({
    page,
    registry,
  }) => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({
      name: `Many ${String(n).padStart(5, '0')}`,
    }))
    await list(registry, 'many', many)
    await page.goto(`${registry.url}/directory?q=many`)
    for (const first of ['Many 00000', 'Many 00050', 'Many 00100']) {
      expect(await page.getByRole('heading', { level: 2 }).count()).toBe(50)
      expect(await page.getByRole('heading', { level: 2 }).first().textContent()).toBe(first)
      const tabTo = async () => {
        for (let presses = 0; presses < 20; presses += 1) {
          await page.keyboard.press('Tab')
          const focus = await focusOf(page)
          expect(focus).toMatchObject({ outlined: true })
          if (focus?.name === 'Next') return
        }
        throw new Error('no focus on Next')
      }
      await tabTo()
      await page.keyboard.press('Enter')
      await page.waitForURL(/after=/)
      await page.getByRole('link', { name: 'Beginning' }).waitFor()
      await page.waitForLoadState()
    }
    await keepScreenshot(page, 'directory-10000')
  })
})
