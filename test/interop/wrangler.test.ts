/** The real wrangler, as `npm run deploy` calls it, with a stand-in for Cloudflare's API. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { wranglerIn } from '../../src/cli/deploy/outside.ts'
import { inProject } from '../../src/local/project.ts'
import { type Asked, type StandIn, standIn } from '../node/doctor-stand-ins.ts'

const SECRET = 'a-secret-that-must-arrive-as-it-is: $HOME "quoted" \\n'
const json = (status: number, answer: object) => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ errors: [], messages: [], ...answer }),
})

let api: StandIn
let asked: Asked[]
let isThere: boolean
let printed: string
beforeAll(async () => {
  api = await standIn(async (one) => {
    asked.push(one)
    const path = one.path.replace(/\?.*$/, '')
    if (path.endsWith('/secrets') && !isThere) {
      const errors = [{ code: 10007, message: 'This Worker does not exist on your account.' }]
      return json(404, { success: false, errors, result: null })
    }
    if (path.endsWith('/workers/scripts/authenticator')) isThere = true
    return json(200, { success: true, result: {} })
  })
})
afterAll(() => api.close())
beforeEach(() => {
  asked = []
  isThere = false
  printed = ''
})

const wrangler = (env: Record<string, string> = {}) =>
  wranglerIn(
    {
      ...process.env,
      PATH: `${join(inProject('.'), 'node_modules/.bin')}:${process.env.PATH}`,
      CLOUDFLARE_API_BASE_URL: api.url,
      CLOUDFLARE_API_TOKEN: 'token-of-the-test',
      CLOUDFLARE_ACCOUNT_ID: 'account-1',
      ...env,
    },
    {
      stdout: {
        write(text: string) {
          printed += text
        },
      },
      stderr: {
        write(text: string) {
          printed += text
        },
      },
    },
  )

const PUT_SECRET = ['secret', 'put', 'JWT_SECRET', '--config', 'src/authenticator/wrangler.toml']
const sentSecrets = () =>
  asked.filter(({ path }) => path.endsWith('/secrets')).map(({ body }) => JSON.parse(body))

describe('wrangler secret put', () => {
  it('wrangler secret put reads the secret from standard input and does not print it', async () => {
    isThere = true
    await wrangler().run(PUT_SECRET, SECRET)
    expect(sentSecrets()).toEqual([{ name: 'JWT_SECRET', text: SECRET, type: 'secret_text' }])
    expect(printed).toContain('JWT_SECRET')
    expect(printed).not.toContain('as-it-is')
  })

  it('wrangler secret put creates an empty worker without asking if the worker does not exist', async () => {
    await wrangler().run(PUT_SECRET, SECRET)
    expect(isThere).toBe(true)
    expect(sentSecrets().at(-1)).toMatchObject({ name: 'JWT_SECRET', text: SECRET })
    const upload = asked.find(({ path }) => path.endsWith('/workers/scripts/authenticator'))
    expect(upload?.body).toContain('export default { fetch() {} }')
  })

  it('a wrangler secret put that fails is reported only with its command', async () => {
    const refused = wrangler({ CLOUDFLARE_API_BASE_URL: `${api.url}0/nowhere` }).run(
      PUT_SECRET,
      SECRET,
    )
    await expect(refused).rejects.toThrow(/^wrangler secret put JWT_SECRET --config \S+ failed$/)
    expect(printed).not.toContain('as-it-is')
  })
})

it('wrangler auth token --json prints the token, and without a token its exit status is not 0', async () => {
  const words = ['auth', 'token', '--json']
  expect(JSON.parse((await wrangler().read(words)) ?? '')).toMatchObject({
    token: 'token-of-the-test',
  })
  const home = await mkdtemp(join(tmpdir(), 'nobody-'))
  try {
    const nobody = { CLOUDFLARE_API_TOKEN: '', XDG_CONFIG_HOME: home, HOME: home }
    expect(await wrangler(nobody).read(words)).toBeNull()
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})

it('wrangler deploy accepts the options with which both workers are deployed', async () => {
  for (const config of ['wrangler.toml', 'src/authenticator/wrangler.toml']) {
    const words = ['deploy', '--config', config, '--domain', 'auth.example.org', '--dry-run']
    await wrangler().run(words)
  }
  expect(printed).toContain('--dry-run: exiting now.')
})
