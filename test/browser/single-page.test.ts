/** examples/single-page, as docs/single-page-application.md starts it. */

import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { inProject } from '../../src/local/project.ts'
import { freePorts } from '../node/free-ports.ts'
import { startProgram } from '../node/program.ts'
import { expectHeading, it, press, signIn } from './fixtures.ts'
import type { Registry } from './registry.ts'

/** Serves the example while `work` runs, and signs the demo user in on `page`. */
async function signingIn(page: Page, registry: Registry, work: (origin: string) => Promise<void>) {
  const [port = 0] = await freePorts(1)
  const origin = `http://127.0.0.1:${port}`
  const { clientId } = await registry.registerClient({
    redirectUris: [`${origin}/`],
    scopes: ['public:read'],
    more: ['--auth-method', 'none', '--grant-type', 'refresh_token'],
  })
  const served = startProgram(process.execPath, [inProject('examples/single-page/serve.mjs')], {
    ISSUER: registry.url,
    CLIENT_ID: clientId,
    EXAMPLE_PORT: String(port),
  })
  try {
    await served.untilPrints(`${origin}/`)
    await page.goto(`${origin}/`)
    await click(page, 'Sign in')
    await expectHeading(page, 'Sign in')
    await signIn(page, registry.demo)
    await work(origin)
  } finally {
    await served.end()
  }
}

const click = (page: Page, name: string) => page.getByRole('button', { name }).click()
const shown = (page: Page, text: string) =>
  page.getByRole('status').filter({ hasText: text }).waitFor()

describe('examples/single-page', () => {
  it('examples/single-page signs a user in, refreshes, and revokes the access token when the user signs out', async ({
    page,
    registry,
  }) => {
    const tokens: string[] = []
    page.on('response', async (response) => {
      if (response.url() !== `${registry.url}/token`) return
      const { access_token } = (await response.json()) as { access_token: string }
      tokens.push(access_token)
    })
    await signingIn(page, registry, async (origin) => {
      await press(page, 'Allow')
      await shown(page, 'Signed in. Granted: public:read.')
      // The code does not stay in the address.
      expect(page.url()).toBe(`${origin}/`)
      await click(page, 'Refresh')
      await expect.poll(() => tokens.length).toBe(2)
      const token = tokens[1] ?? ''
      expect(await registry.sessionOf(token)).toMatchObject({ user: { username: 'demo' } })
      await click(page, 'Sign out')
      await shown(page, 'Signed out.')
      await expect(registry.sessionOf(token)).rejects.toThrow('401')
    })
  })

  it('examples/single-page shows that the user refused', async ({ page, registry }) => {
    await signingIn(page, registry, async () => {
      await press(page, 'Cancel')
      await shown(page, 'Refused: access_denied')
    })
  })
})
