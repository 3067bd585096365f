/** The participants of the soak test: clients and users as they are registered, their tokens and browsers. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { inProject } from '../../src/local/project.ts'
import type { Browser } from './browser.ts'
import { type Conversation, conversationWith, type Pairs } from './conversation.ts'
import type { Service } from './service.ts'
import { goodSecret, notRevoked, type Secret, type Token } from './truth.ts'

export const SCOPES = ['public:read', 'submission:read', 'submission:create']
/** The scope that the administrator withdraws from one client and authorizes again. */
export const SPARE_SCOPE = 'upload:read_logs'
const WEB_CALLBACK = 'https://client.example/callback'
/** RFC 8252 §7.3: any port of this address is allowed. */
const NATIVE_CALLBACK = 'http://127.0.0.1/callback'
export const PASSWORD = 'a long password of the soak'

type Method = 'client_secret_post' | 'client_secret_basic' | 'none'
/** The last secret is the newest. */
export type Client = Readonly<{
  id: string
  method: Method
  redirectUri: string
  secrets: Secret[]
}>

/** The tokens from one code. One act at a time uses a family. */
export type Family = {
  readonly client: Client
  readonly username: string
  readonly scopes: readonly string[]
  readonly tokens: Token[]
  refresh: string
  /** The refresh token that was redeemed last, and the time of the response. */
  spent: Readonly<{ text: string; atMs: number }> | null
}

/**
 * Whether the spare client has its scope, and since when: `either` while the administrator's command runs. Every check knows
 * a withdrawal after `withinMs`.
 */
type Spare = {
  state: 'authorized' | 'withdrawn' | 'either'
  sinceMs: number
  withinMs: number
}

/** How long an isolate issues tokens from a cached client record: the default of CLIENT_CACHE_SECONDS. */
export const CLIENT_CACHE_MS = 10_000

export type World = Readonly<{
  service: Service
  talk: Conversation
  /** Runs a command of the administrator. Null if it failed, which is wrong unless the service was down. */
  administer: (words: readonly string[], stdin?: string) => Promise<Record<string, string> | null>
  clients: Readonly<Record<'machine' | 'basic' | 'rotated' | 'spare' | 'web' | 'native', Client>>
  usernames: readonly string[]
  browsers: Browser[]
  tokens: Token[]
  families: Family[]
  spare: Spare
}>

export const pick = <T>(some: readonly T[]): T | undefined =>
  some[Math.floor(Math.random() * some.length)]
/** A random selection of at least one scope. */
export function someOf(scopes: readonly string[]): string[] {
  const some = scopes.filter(() => Math.random() < 0.5)
  return some.length > 0 ? some : scopes.slice(0, 1)
}
/** Removes a random element from the list. */
export const take = <T>(some: T[]): T | undefined =>
  some.splice(Math.floor(Math.random() * some.length), 1)[0]

export const newestOf = ({ secrets }: Client) => secrets.at(-1) ?? goodSecret('')

/** A request by this client, authenticated by its registered method. */
export function requestAs(client: Client, url: string, fields: Pairs, secret = newestOf(client)) {
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields)
  if (client.method === 'client_secret_basic') {
    const basic = Buffer.from(`${client.id}:${secret.text}`).toString('base64')
    return { url, form: pairs, headers: { Authorization: `Basic ${basic}` } }
  }
  const own: [string, string][] = [['client_id', client.id]]
  if (client.method !== 'none') own.push(['client_secret', secret.text])
  return { url, form: [...own, ...pairs] }
}

/** A request by this client to the token endpoint. */
export const tokenRequestAs = ({ service }: World, client: Client, form: Pairs, secret?: Secret) =>
  requestAs(client, `${service.registry}/token`, form, secret)

export const sameScopes = (a: readonly string[], b: readonly string[]) =>
  [...a].sort().join(' ') === [...b].sort().join(' ')

/** Adds an issued token. */
export function addToken(world: World, held: Omit<Token, 'revocation'>): Token {
  const token = { ...held, revocation: notRevoked() }
  world.tokens.push(token)
  return token
}

const run = promisify(execFile)

function administratorOf(service: Service, talk: Conversation): World['administer'] {
  const program = inProject('src/cli/main.ts')
  return async (words, stdin = '') => {
    const begunMs = Date.now()
    const running = run(process.execPath, [program, ...words, '--json'], { env: service.env })
    running.child.stdin?.on('error', () => {}).end(stdin)
    try {
      return JSON.parse((await running).stdout) as Record<string, string>
    } catch (fault) {
      const { stderr = '' } = fault as { stderr?: string }
      if (!service.wasDown(begunMs, Date.now())) talk.wrong(`admin ${words[1]}`, stderr.trim())
      return null
    }
  }
}

export async function createWorld(service: Service): Promise<World> {
  const talk = conversationWith(service)
  const administer = administratorOf(service, talk)
  const must = async (words: readonly string[], stdin?: string) => {
    const made = await administer(words, stdin)
    if (!made) throw new Error(`${words.slice(0, 2).join(' ')} failed: ${talk.complaints.at(-1)}`)
    return made
  }
  const scoped = (scopes: readonly string[]) => ['--scope', scopes.join(' ')]
  async function newClient(name: string, method: Method, redirectUri: string, ...more: string[]) {
    const described = ['--name', name, '--owner', 'soak', '--auth-method', method]
    const made = await must(['client', 'create', ...described, ...more])
    const secrets = made.client_secret ? [goodSecret(made.client_secret)] : []
    return { id: made.client_id ?? '', method, redirectUri, secrets }
  }
  const machine = (name: string, method: Method, ...more: string[]) =>
    newClient(name, method, '', ...scoped(SCOPES), ...more)
  const forUsers = (name: string, method: Method, redirectUri: string) => {
    const types = ['--grant-type', 'authorization_code', '--grant-type', 'refresh_token']
    return newClient(
      name,
      method,
      redirectUri,
      '--redirect-uri',
      redirectUri,
      ...types,
      ...scoped(SCOPES),
    )
  }
  const clients = {
    machine: await machine('Machine', 'client_secret_post', '--may-introspect'),
    basic: await machine('Basic', 'client_secret_basic'),
    rotated: await machine('Rotated', 'client_secret_post'),
    spare: await machine('Spare', 'client_secret_post', '--scope', SPARE_SCOPE),
    web: await forUsers('Web', 'client_secret_post', WEB_CALLBACK),
    native: await forUsers('Native', 'none', NATIVE_CALLBACK),
  }
  const usernames = ['ada', 'grace', 'emmy']
  for (const username of usernames) {
    const who = ['--username', username, '--email', `${username}@example.org`, '--password-stdin']
    await must(['user', 'create', ...who, ...scoped(SCOPES)], PASSWORD)
  }
  const spare: Spare = { state: 'authorized', sinceMs: Date.now(), withinMs: 0 }
  const empty = { browsers: [], tokens: [], families: [] }
  return { service, talk, administer, clients, usernames, spare, ...empty }
}
