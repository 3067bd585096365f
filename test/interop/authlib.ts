/** A client of the registry with Authlib, in Debian's Python. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Granted, MakeTokenLibrary } from '../node/client-library.ts'

const PYTHON = process.env.PYTHON_PATH || '/usr/bin/python3'
const CLIENT = join(import.meta.dirname, 'authlib_client.py')

const run = promisify(execFile)

/** Authlib's own error code, or the registry's. */
class AuthlibError extends Error {
  readonly error: string
  constructor(error: string) {
    super(error)
    this.error = error
  }
}

/** Throws an error that says what to install if Authlib is missing. */
export const requireAuthlib = () =>
  run(PYTHON, ['-c', 'import authlib.integrations.requests_client']).catch((fault: unknown) => {
    const remedy = 'apt-get install python3-authlib python3-requests'
    throw new Error(`Authlib is missing at ${PYTHON}: ${remedy}`, { cause: fault })
  })

async function take<Result>(step: string, asked: object): Promise<Result> {
  const running = run(PYTHON, [CLIENT])
  running.child.stdin?.end(JSON.stringify({ step, ...asked }))
  const result = JSON.parse((await running).stdout) as Result & { error?: string }
  if (result.error !== undefined) throw new AuthlibError(result.error)
  return result
}

type Token = Readonly<{
  access_token: string
  scope: string
  expires_in: number
  refresh_token?: string
}>
const granted = (token: Token): Granted => ({
  accessToken: token.access_token,
  scope: token.scope,
  expiresInSeconds: token.expires_in,
  ...(token.refresh_token && { refreshToken: token.refresh_token }),
})

export type AssertedBy = Readonly<{
  id: string
  /** The private key as PEM. */
  privateKey: string
  algorithm: string
  audience: string
  lifetimeSeconds: number
}>

/** `private_key_jwt`. */
export const clientCredentialsByKey = async (
  registry: string,
  scope: string,
  { id, privateKey, ...assertion }: AssertedBy,
): Promise<Granted> => {
  const asked = { registry, scope, client: { id, privateKey }, ...assertion }
  return granted(await take('client_credentials_by_key', asked))
}

export const authlib: MakeTokenLibrary = (registry) => ({
  clientCredentials: async (client, scope) =>
    granted(await take('client_credentials', { registry, client, scope })),
  async startCodeFlow(client, redirectUri, scope) {
    const flow = { registry, client, redirectUri }
    const { url, ...kept } = await take<{ url: string }>('start_code_flow', { ...flow, scope })
    return {
      url,
      finish: async (callback) =>
        granted(await take('finish_code_flow', { ...flow, ...kept, callback: callback.href })),
    }
  },
  refresh: async (client, refreshToken, scope) =>
    granted(await take('refresh', { registry, client, refreshToken, scope: scope ?? null })),
  revoke: async (client, token, hint) => {
    await take('revoke', { registry, client, token, hint: hint ?? null })
  },
  introspect: (client, token) => take('introspect', { registry, client, token }),
  async get(url, accessToken) {
    type Answer = { status: number; headers: Record<string, string>; body: string }
    const { body, ...answer } = await take<Answer>('get', { url, accessToken })
    return new Response(body, answer)
  },
  errorIn: async (fault) => (fault as AuthlibError).error,
})
