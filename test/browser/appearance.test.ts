/** The appearance of the pages: light, dark, narrow, and with a hostile client name. Saves screenshots. */

import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import type { ClientApp, ClientKeys } from './client-app.ts'
import {
  CONSENT,
  CONSENT_TITLE,
  expectHeading,
  HOME,
  headingOf,
  keepScreenshot,
  openConsent,
  it as plain,
  signIn,
  takeComplaints,
} from './fixtures.ts'
import { contrastsOf, expectFineIn, LEAST_CONTRAST, NARROW, overflowOf } from './looks.ts'
import type { Registry } from './registry.ts'

const it = plain.extend('assistant', { scope: 'file' }, async ({ newClient }) =>
  newClient({
    name: 'Paper Assistant',
    scopes: ['submission:create', 'submission:read', 'upload:read_logs'],
    more: [
      ...['--url', 'https://papers.example/about', '--endorsement', 'cs.*'],
      ...['--description', 'Prepares your submissions and tells you what is missing.'],
    ],
  }),
)

type Given = Readonly<{ registry: Registry; app: ClientApp; keys: ClientKeys }>
type Visit = Readonly<{ name: string; open: (page: Page, given: Given) => Promise<void> }>

const ALL = 'submission:create submission:read upload:read_logs'
const VISITS: Visit[] = [
  {
    name: 'landing',
    async open(page, { registry }) {
      await page.goto(registry.url)
      await expectHeading(page, HOME)
    },
  },
  {
    name: 'login',
    async open(page, { app, keys }) {
      await page.goto(app.ask(keys, ALL))
      await expectHeading(page, 'Sign in')
    },
  },
  {
    name: 'wrong-password',
    async open(page, { registry, app, keys }) {
      await page.goto(app.ask(keys, ALL))
      await signIn(page, { ...registry.demo, password: 'wrong password' })
      await page.getByRole('alert').waitFor()
    },
  },
  {
    name: 'error',
    async open(page, { registry }) {
      await page.goto(`${registry.url}/authorize?client_id=nobody`)
      await expectHeading(page, 'This request failed')
    },
  },
  {
    name: 'error-codes',
    async open(page, { registry }) {
      await page.goto(`${registry.url}/errors`)
      await expectHeading(page, 'Error codes')
    },
  },
  {
    name: 'reference',
    async open(page, { registry }) {
      await page.goto(`${registry.url}/docs`)
      await expectHeading(page, 'API reference')
    },
  },
  {
    name: 'error-code',
    async open(page, { registry }) {
      await page.goto(`${registry.url}/errors/invalid_grant`)
      await expectHeading(page, 'invalid_grant')
    },
  },
  {
    name: 'consent',
    async open(page, { registry, app, keys }) {
      await page.goto(app.ask(keys, ALL))
      await signIn(page, registry.demo)
      await expectHeading(page, CONSENT)
    },
  },
  {
    name: 'landing-signed-in',
    async open(page, { registry }) {
      await page.goto(registry.url)
      await page.getByText('Signed in as').waitFor()
    },
  },
]

/** Visits every page in one browser, which is signed in from `consent` on. */
async function tour(page: Page, given: Given, look: (name: string) => Promise<void>) {
  for (const { name, open } of VISITS) {
    await open(page, given)
    await look(name)
  }
}

describe('light and dark', () => {
  it.for(['light', 'dark'] as const)(
    'the pages follow the preferred colour scheme %s, and every text has enough contrast',
    async (colorScheme, { open, registry, app, assistant: keys }) => {
      const page = await open({ colorScheme })
      await tour(page, { registry, app, keys }, (name) =>
        expectFineIn(colorScheme, page, `${name}-${colorScheme}`),
      )
    },
  )

  it('control: the check notices text with too little contrast', async ({ page, registry }) => {
    await page.goto(registry.url)
    await headingOf(page).evaluate((heading) => Object.assign(heading.style, { color: '#999' }))
    const [worst] = await contrastsOf(page)
    expect(worst).toMatchObject({ words: HOME })
    expect(worst?.ratio).toBeLessThan(LEAST_CONTRAST)
  })
})

describe('a window 360 pixels wide', () => {
  it('no page is cut off or scrolls horizontally at a width of 360 pixels', async ({
    open,
    registry,
    app,
    assistant: keys,
  }) => {
    const page = await open(NARROW)
    await tour(page, { registry, app, keys }, async (name) => {
      await keepScreenshot(page, `${name}-360`)
      expect(await overflowOf(page), name).toBeLessThanOrEqual(0)
    })
  })

  it('control: the check notices an element that is too wide', async ({ open, registry }) => {
    const page = await open(NARROW)
    await page.goto(registry.url)
    await headingOf(page).evaluate((heading) => Object.assign(heading.style, { width: '400px' }))
    expect(await overflowOf(page)).toBeGreaterThan(0)
  })
})

describe('a client with a hostile name', () => {
  const NAMES = {
    markup: `</title></textarea>"'><script>document.title='ran'</script><img src=x onerror=alert(1)>`,
    long: 'Interoperability'.repeat(19).slice(0, 300),
    reversed: 'Good client \u202egnp.exe\u202d\u2066 and more',
    spaced: `${'Allow access? '.repeat(20)}Cancel`,
  }

  it.for(Object.keys(NAMES) as (keyof typeof NAMES)[])(
    'a client name (%s) is shown as text, runs no script and does not break the layout',
    async (kind, { open, memberState, app, newClient }) => {
      const name = NAMES[kind]
      const keys = await newClient({
        name,
        more: [
          ...['--description', name.repeat(2)],
          ...['--url', `https://papers.example/${encodeURIComponent(name)}`],
        ],
      })
      const page = await open({ ...NARROW, storageState: memberState })
      await openConsent(page, app.ask(keys))
      await keepScreenshot(page, `hostile-${kind}-360`)
      const shown = headingOf(page).locator('bdi')
      expect(await shown.textContent()).toBe(name)
      expect(await page.title()).toBe(`${CONSENT_TITLE} · Registry`)
      expect(await page.locator('script, img, iframe').count()).toBe(0)
      expect(await page.getByRole('button').allTextContents()).toEqual([
        'Cancel',
        'Allow',
        'Sign out',
      ])
      expect(await overflowOf(page)).toBeLessThanOrEqual(0)

      const visitor = await open(NARROW)
      await visitor.goto(app.ask(keys))
      await expectHeading(visitor, 'Sign in')
      await keepScreenshot(visitor, `hostile-${kind}-login-360`)
      expect(await visitor.getByRole('main').locator('bdi').textContent()).toBe(name)
      expect(await overflowOf(visitor)).toBeLessThanOrEqual(0)
    },
  )

  it('control: the check notices a page that runs a script from a client name', async ({
    page,
    app,
  }) => {
    await page.goto(app.origin + app.publish(`<title>Before</title>${NAMES.markup.slice(19)}`))
    expect(await page.title()).not.toBe('Before')
    expect(takeComplaints(page)).toEqual(['a dialog says: 1'])
  })
})
