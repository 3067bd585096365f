/** `npm start` for a test, on free ports and a temporary state, which is removed after the test. */

import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type JWTPayload, jwtVerify } from 'jose'
import { SETTING_NAMES } from '../../src/config.ts'
import type { Demo } from '../../src/local/demo.ts'
import { inProject } from '../../src/local/project.ts'
import { commandLine } from './command-line.ts'
import { freePorts } from './free-ports.ts'
import { migratedState } from './migrated-state.ts'
import { startProgram } from './program.ts'

export const JWT_SECRET = 'a secret of the tests, of more than 32 bytes'
export const PROXY_SECRET = 'the-secret-of-the-proxies-of-the-tests'
/** The last line of the output at the start, printed when both workers serve. */
export const READY = 'Ctrl-C ends both.'

/** The methods that allow only one way to send the secret. */
export type StrictMethod = 'client_secret_post' | 'client_secret_basic' | 'none'
export type Method = StrictMethod | 'client_secret'
/** The secret is empty for the method `none`. */
export type RegisteredClient = Readonly<{ id: string; secret: string; method: Method }>

export type RunningRegistry = Readonly<{
  /** The origin of the registry, which is also its issuer. */
  registry: string
  authenticator: string
  stateDir: string
  demo: Demo
  demoClient: RegisteredClient
  /** The output until both workers serve. */
  welcome: string
  /** The output so far. */
  printed: () => string
  /** The command line in this process, on this registry's state. Throws the text on stderr. */
  administer: (...words: string[]) => Promise<unknown>
  /** `words` are more options of `client create`. */
  newClient: (method: Method, ...words: string[]) => Promise<RegisteredClient>
  /** Declares a resource with these scopes. */
  newResource: (uri: string, scope: string, format?: 'jwt' | 'opaque') => Promise<unknown>
  /** A token of the client by client_credentials, with further fields of the request. */
  tokenFor: (
    client: Pick<RegisteredClient, 'id' | 'secret'>,
    fields?: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<string>
  /** Verifies the authenticator's JWT and returns its claims. */
  claimsIn: (jwt: string) => Promise<JWTPayload>
  end: () => Promise<void>
}>

/** Functions that observe the registry. */
export type Watch = Readonly<{
  /** Called with the words of a command and its output. */
  administered?: (words: readonly string[], printed: string) => void
  /** Called after the registry has stopped, before its state is removed. */
  left?: (stateDir: string) => Promise<unknown>
}>

/**
 * `settings` are the environment of `npm start`, which does not get the settings in this process's environment. A STATE_DIR
 * among them belongs to the caller and is not removed.
 */
export async function startRegistry(
  settings: Readonly<Record<string, string>> = {},
  watch: Watch = {},
): Promise<RunningRegistry> {
  const [port, authenticatorPort] = (await freePorts(2)).map(String) as [string, string]
  const stateDir = settings.STATE_DIR ?? (await migratedState())
  const env = {
    ...Object.fromEntries(SETTING_NAMES.map((name) => [name, ''])),
    DEMO: '',
    PORT: port,
    AUTHENTICATOR_PORT: authenticatorPort,
    STATE_DIR: stateDir,
    SIGNING_KEYS: '',
    AUTHENTICATOR_KEYS: '',
    JWT_SECRET,
    PROXY_SECRET,
    ...settings,
  }
  const program = startProgram(process.execPath, [inProject('src/local/start.ts')], env)
  const remove = async () => {
    if (settings.STATE_DIR === undefined) await rm(stateDir, { recursive: true, force: true })
  }
  const end = async () => {
    await program.end()
    await watch.left?.(stateDir)
    await remove()
  }
  const administer = async (...words: string[]) => {
    const { status, stdout, stderr } = await commandLine([...words, '--json'], { env })
    if (status !== 0) throw new Error(`${words.join(' ')} ended with ${status}: ${stderr}`)
    watch.administered?.(words, stdout)
    return JSON.parse(stdout) as unknown
  }
  try {
    const welcome = await program.untilPrints(READY)
    const demo = JSON.parse(await readFile(join(stateDir, 'demo.json'), 'utf8')) as Demo
    const registry = settings.ISSUER ?? `http://127.0.0.1:${port}`
    return {
      registry,
      authenticator: `http://127.0.0.1:${authenticatorPort}`,
      stateDir,
      demo,
      demoClient: { id: demo.clientId, secret: demo.clientSecret, method: 'client_secret_post' },
      welcome,
      printed: program.printed,
      administer,
      async newClient(method, ...words) {
        const described = ['--name', 'A client', '--owner', 'owner-1', '--auth-method', method]
        const made = await administer('client', 'create', ...described, ...words)
        const { client_id, client_secret } = made as { client_id: string; client_secret?: string }
        return { id: client_id, secret: client_secret ?? '', method }
      },
      newResource(uri, scope, format = 'opaque') {
        const words = ['--name', uri, '--scope', scope, '--token-format', format]
        return administer('resource', 'create', uri, ...words)
      },
      async tokenFor({ id, secret }, fields = {}, headers = {}) {
        const own = { grant_type: 'client_credentials', client_id: id, client_secret: secret }
        const body = new URLSearchParams({ ...own, ...fields })
        const answer = await fetch(`${registry}/token`, { method: 'POST', headers, body })
        if (answer.status !== 200) throw new Error(`${answer.status}: ${await answer.text()}`)
        return ((await answer.json()) as { access_token: string }).access_token
      },
      async claimsIn(jwt) {
        const key = new TextEncoder().encode(JWT_SECRET)
        return (await jwtVerify(jwt, key, { issuer: registry, algorithms: ['HS256'] })).payload
      },
      end,
    }
  } catch (fault) {
    await program.end()
    await remove()
    throw fault
  }
}

/** A client for each method, with the same further options of `client create`. */
export async function clientOfEachMethod({ newClient }: RunningRegistry, words: readonly string[]) {
  const [post, basic, none] = await Promise.all([
    newClient('client_secret_post', ...words),
    newClient('client_secret_basic', ...words),
    newClient('none', ...words),
  ])
  return { client_secret_post: post, client_secret_basic: basic, none }
}
