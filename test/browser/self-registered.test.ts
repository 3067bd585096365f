/** The pages for clients that registered themselves, by a metadata document or by a request. */

import { createServer } from 'node:http'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { listen } from '../node/listen.ts'
import { startClientApp } from './client-app.ts'
import {
  allow,
  CONSENT_TITLE,
  expectHeading,
  headingOf,
  keepScreenshot,
  type Open,
  openSession,
  it as plain,
} from './fixtures.ts'
import { expectFineIn } from './looks.ts'
import { startRegistry } from './registry.ts'

/** An image of one red pixel. */
const GIF = Buffer.from('R0lGODlhAQABAIAAAMgUFP///yH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==', 'base64')
const WIDTHS = [360, 1280]
const SCHEMES = ['light', 'dark'] as const

type Document = Readonly<Record<string, unknown>>

/** Serves metadata documents and a logo on a free port. */
async function startPublisher() {
  const documents = new Map<string, string>()
  const server = createServer(({ url = '' }, response) => {
    const document = documents.get(url)
    if (url === '/logo.gif')
      return response.writeHead(200, { 'Content-Type': 'image/gif' }).end(GIF)
    if (document === undefined) return response.writeHead(404).end()
    return response.writeHead(200, { 'Content-Type': 'application/json' }).end(document)
  })
  const { port, url: origin, close } = await listen(server)
  return {
    host: `127.0.0.1:${port}`,
    logoUri: `${origin}/logo.gif`,
    /** The client's id. */
    publish(document: Document): string {
      const id = `${origin}/clients/${documents.size + 1}.json`
      documents.set(new URL(id).pathname, JSON.stringify({ client_id: id, ...document }))
      return id
    },
    close,
  }
}

/** A registry at which clients may register themselves, which is off by default. */
async function startWorld() {
  const registry = await startRegistry({ CLIENT_DOCUMENTS: 'any', REGISTRATION: 'open' })
  await registry.admin('scope', 'update', 'submission:read', '--self-registered')
  const app = await startClientApp(registry.url)
  const publisher = await startPublisher()
  const { callbackUri } = app
  const ask = (clientId: string, redirectUri = callbackUri) =>
    app.ask({ clientId, clientSecret: null }, 'submission:read', { redirect_uri: redirectUri })
  return {
    ...{ registry, app, publisher, ask },
    async end() {
      await Promise.all([registry.end(), app.close(), publisher.close()])
    },
    /** The URL of the consent page of a client with a document. */
    document: (more: Document = {}) =>
      ask(
        publisher.publish({
          client_name: 'Desktop Notes',
          redirect_uris: [callbackUri],
          ...more,
        }),
      ),
    /** The URL of the consent page of a client that registers itself by a request. */
    async registration(more: Document = {}) {
      const answer = await fetch(`${registry.url}/register`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
          client_name: 'Desktop Notes',
          redirect_uris: [callbackUri],
          token_endpoint_auth_method: 'none',
          ...more,
        }),
      })
      if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`)
      return ask(((await answer.json()) as { client_id: string }).client_id)
    },
  }
}

type World = Awaited<ReturnType<typeof startWorld>>

// biome-ignore lint/correctness/noEmptyPattern: the runner reads the pattern
const it = plain.extend('world', { scope: 'file' }, async ({}, { onCleanup }) => {
  const world = await startWorld()
  onCleanup(world.end)
  return world
})

/** A page with the demo user signed in. */
async function memberOf(open: Open, { registry }: World, options?: BrowserContextOptions) {
  const page = await open(options)
  await openSession(page, registry)
  return page
}

const cardOf = (page: Page) => page.getByRole('region', { name: 'The application' })

const NAMES = {
  plain: 'Desktop Notes',
  homoglyph: 'Rеgіstry',
  reversed: 'Good client עוזר מסמכים (2) exe.png',
  long: 'Interoperability'.repeat(6),
  markup: `</title>"'><script>document.title='ran'</script><img src=x onerror=alert(1)>`,
}
const KINDS = ['document', 'registration'] as const

describe('the consent page of a client that registered itself', () => {
  it('the consent page of a client with a document shows its host, then its name, and from the second time its logo', async ({
    open,
    world,
  }) => {
    const page = await memberOf(open, world)
    const { publisher, app } = world
    const address = world.document({
      logo_uri: publisher.logoUri,
      tos_uri: 'https://notes.example/terms',
      policy_uri: 'https://notes.example/privacy',
    })
    await page.goto(address)
    await expectHeading(page, `Allow ${publisher.host} to use your account?`)
    expect(await page.title()).toBe(`${CONSENT_TITLE} · Registry`)
    expect(await cardOf(page).ariaSnapshot()).toMatch(
      /paragraph:\n? *-? ?.*It calls itself[\s\S]*Desktop Notes[\s\S]*Either way, you will be sent back to[\s\S]*It registered itself: Registry has not checked it\.[\s\S]*Its document:[\s\S]*Its terms:[\s\S]*link "https:\/\/notes\.example\/terms"[\s\S]*Its privacy policy:[\s\S]*link "https:\/\/notes\.example\/privacy"/,
    )
    const logo = cardOf(page).locator('img')
    // The logo is fetched after the response with the first page.
    const reloaded = async () => {
      await page.reload()
      return logo.count()
    }
    await expect.poll(reloaded).toBe(1)
    expect(await logo.evaluate((image) => (image as { naturalWidth: number }).naturalWidth)).toBe(1)
    expect(await logo.getAttribute('src')).toMatch(/^\/logos\//)
    expect(await page.getByRole('img').count()).toBe(0)
    await allow(page)
    expect(app.callbacks.at(-1)?.outcome).toMatchObject({ scope: 'submission:read' })

    await page.goto(`${world.registry.url}/account`)
    const entry = page.getByRole('region', { name: publisher.host })
    await entry.getByText('last used').click()
    expect(await entry.textContent()).toContain('It calls itself “Desktop Notes”.')
    await keepScreenshot(page, 'account-document')
  })

  it('the consent page of a client that registered itself by a request says that the client chose its name', async ({
    open,
    world,
  }) => {
    const page = await memberOf(open, world)
    await page.goto(await world.registration())
    await expectHeading(
      page,
      'Allow an application that calls itself “Desktop Notes” to use your account?',
    )
    expect(await cardOf(page).textContent()).toContain(
      'It registered itself: Registry has not checked it.',
    )
    expect(await page.getByText('Any program on this computer could pose').count()).toBe(1)
    await allow(page)
  })

  it.for(
    KINDS.flatMap((kind) =>
      (Object.keys(NAMES) as (keyof typeof NAMES)[]).map((name) => [kind, name] as const),
    ),
  )(
    'the consent page (%s) of a client with a %s name is legible in both colour schemes and widths, and shows the name as text in quotes',
    async ([kind, which], { open, world }) => {
      const more = {
        client_name: NAMES[which],
        ...(which !== 'plain' && { logo_uri: world.publisher.logoUri }),
      }
      const address = await world[kind](more)
      for (const colorScheme of SCHEMES) {
        for (const width of WIDTHS) {
          const page = await memberOf(open, world, {
            colorScheme,
            viewport: { width, height: 740 },
          })
          await page.goto(address)
          await headingOf(page).waitFor()
          await expectFineIn(colorScheme, page, `${kind}-${which}-${colorScheme}-${width}`)
          expect(await page.title()).toBe(`${CONSENT_TITLE} · Registry`)
          expect(await page.locator('script, iframe').count()).toBe(0)
          const shown = kind === 'document' ? cardOf(page) : headingOf(page)
          expect(await shown.textContent()).toMatch(/calls itself “[^“”]+”/)
          const warning = page.getByText('which does not run this application')
          expect(await warning.count()).toBe(which === 'homoglyph' ? 1 : 0)
          await page.context().close()
        }
      }
    },
  )
})
