/** Tests the accessibility tree, which is stored in trees/, and the appearance of pages with content. */

import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import { expectHeading, it, openPortal } from './fixtures.ts'
import { expectFineIn, LOOKS } from './looks.ts'
import type { Person, Registry } from './registry.ts'

export type Scene = Readonly<{
  name: string
  path: () => string
  heading: string
  who: () => Person
  /** Prepares the page before it is checked. */
  act?: (page: Page) => Promise<void>
}>

type Stage = Readonly<{
  /** The beginning of the names of the stored files. */
  files: 'portal' | 'approvals'
  scenes: readonly Scene[]
  registry: () => Registry
  /** The ids on the pages, which differ between runs. */
  ids: () => Readonly<Record<string, string>>
}>

/** Orders the open requests of clients. Without this, requests of the same second are ordered by random ids. */
export async function askInOrder({ insert }: Registry, clientIds: readonly string[]) {
  for (const table of ['client_authorization', 'client_grant_type', 'client_endorsement']) {
    await insert(
      `UPDATE ${table} SET requested_at = requested_at + ?2 WHERE client_id = ?1 AND authorized_at IS NULL`,
      clientIds.map((id, place) => [id, 60 * place]),
    )
  }
}

/** Checks that the page has one main landmark, a title, unique ids, and a name for each control and region. */
async function expectNamed(page: Page, heading: string) {
  expect(await page.getByRole('main').count()).toBe(1)
  expect(await page.title()).toMatch(/^.+ · Registry$/)
  expect(await page.title()).toContain(heading)
  await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
  const controls = page.locator('input:not([type=hidden]), textarea, button, a, nav, fieldset')
  for (const control of await controls.all()) {
    expect(await control.ariaSnapshot()).toMatch(/"[^"]+"|: .+/)
  }
  const ids = await page.locator('[id]').evaluateAll((all) => all.map(({ id }) => id))
  expect(new Set(ids).size).toBe(ids.length)
}

export function testScenes({ files, scenes, registry, ids }: Stage) {
  /** The tree with placeholders for text that differs between runs. */
  const settled = (tree: string) =>
    Object.entries(ids())
      .reduce((text, [name, id]) => text.replaceAll(id, `ID-OF-${name.toUpperCase()}`), tree)
      .replaceAll(registry().url, 'REGISTRY')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, 'MOMENT')
      .replace(/\d{4}-\d\d-\d\d/g, 'DAY')

  async function show(page: Page, { path, heading, act }: Scene) {
    await page.goto(registry().url + path())
    await act?.(page)
    await expectHeading(page, heading)
  }

  it.for(scenes.map((scene) => [scene.name, scene] as const))(
    `the accessibility tree of the page of ${files} equals the stored one, and every control has a name (%s)`,
    async ([name, scene], { open }) => {
      const page = await open()
      await openPortal(page, registry(), scene.who())
      await show(page, scene)
      const tree = settled(await page.getByRole('main').ariaSnapshot())
      await expect(`${tree}\n`).toMatchFileSnapshot(`trees/${files}-${name}.txt`)
      await expectNamed(page, scene.heading)
    },
  )

  it.for(LOOKS)(
    `every page of ${files} with content fits the window, has enough contrast and violates no policy (%s)`,
    async ([how, options], { open }) => {
      const pages = new Map<Person, Page>()
      for (const scene of scenes) {
        const person = scene.who()
        const page = pages.get(person) ?? (await open(options))
        if (!pages.has(person)) await openPortal(page, registry(), person)
        pages.set(person, page)
        await show(page, scene)
        await expectFineIn(options.colorScheme, page, `${files}-scene-${scene.name}-${how}`)
      }
    },
  )
}
