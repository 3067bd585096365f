/** Every adapter of the package passes the vectors (test/vectors), with introspection and with the key set. */

import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { join } from 'node:path'
import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { SessionRecord } from '../../src/domain/session.ts'
import type { Check } from '../../src/resource-server/asked.ts'
import * as forExpress from '../../src/resource-server/express.ts'
import * as forFetch from '../../src/resource-server/fetch.ts'
import * as forHono from '../../src/resource-server/hono.ts'
import { listen } from '../node/listen.ts'
import { FOLDER, filesOfVectors } from '../vectors/source/files.ts'
import type { Required, VectorFile } from '../vectors/source/vector.ts'
import { expectAnswer, vectorsFor } from '../vectors/vectors.ts'

type Told = Readonly<{ required: Required; check: Check }>
/** Serves a route behind `scoped()`, which sets `session`. */
type Serve = (
  told: Told,
) => Promise<Readonly<{ ask: (request: Request) => Promise<Response>; end: () => void }>>

let session: SessionRecord | null
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const served = (found: SessionRecord) => {
  session = found
  return new Response('served')
}

function optionsOf({ required, check }: Told) {
  const { audience, resource, category } = required
  return {
    check,
    ...(audience !== undefined && { audience }),
    ...(resource !== undefined && { resource: () => resource }),
    ...(category !== undefined && { category: () => category }),
  }
}
const scopesOf = ({ scopes }: Required) => (scopes.length === 0 ? null : scopes)

const ADAPTERS: Readonly<Record<string, Serve>> = {
  hono: async (told) => {
    const app = new Hono<forHono.ScopedEnv>()
    app.all('*', forHono.scoped(scopesOf(told.required), optionsOf(told)), (c) =>
      served(c.var.session),
    )
    return { ask: async (request) => app.fetch(request), end: () => {} }
  },
  fetch: async (told) => {
    const ask = forFetch.scoped(
      scopesOf(told.required),
      optionsOf(told),
    )((_, found) => served(found))
    return { ask, end: () => {} }
  },
  express: async (told) => {
    const protect = forExpress.scoped(scopesOf(told.required), {
      ...optionsOf(told),
      origin: 'https://files.example',
    })
    return overHttp((req, res) => {
      protect(req, res, () => {
        served((res as unknown as { locals: { session: SessionRecord } }).locals.session)
        res.end('served')
      })
    })
  },
}

async function overHttp(listener: RequestListener) {
  const server = await listen(createServer(listener))
  return {
    ask: ({ url, method, headers }: Request) => {
      const { pathname, search } = new URL(url)
      return fetch(`${server.url}${pathname}${search}`, { method, headers })
    },
    end: server.close,
  }
}

/** A registry that answers as the vectors say. */
const registryOf =
  ({ introspection, keySet }: Pick<VectorFile, 'introspection' | 'keySet'>) =>
  async (url: string, { body }: RequestInit) => {
    if (url.endsWith('/jwks.json')) return Response.json(keySet)
    const token = (body as URLSearchParams).get('token') ?? ''
    return Response.json(introspection[token] ?? { active: false })
  }

type Way = (issuer: string, fetch: ReturnType<typeof registryOf>) => Check

const byIntrospection: Way = (issuer, fetch) =>
  forFetch.introspection({ issuer, fetch, clientId: 'api', clientSecret: 'secret' })
const byKeySet: Way = (issuer, fetch) => forFetch.keySet({ issuer, fetch })

const WAYS = [
  ['introspection', byIntrospection, vectorsFor(['any', 'opaque'])],
  ['the key set', byKeySet, vectorsFor(['any', 'signed'])],
] as const

describe.each(Object.entries(ADAPTERS))('the adapter %s', (_, serve) => {
  describe.each(WAYS)('with %s', (_, way, vectors) => {
    it.each(vectors)('%s', async (_, { issuer, now, vector, ...registry }) => {
      vi.setSystemTime((vector.now ?? now) * 1000)
      const { method, url, headers } = vector.request
      const check = way(issuer, registryOf(registry))
      const { ask, end } = await serve({ required: vector.required, check })
      const answers = [vector.answer, vector.repeated].filter((answer) => answer !== undefined)
      for (const answer of answers) {
        session = null
        await expectAnswer(await ask(new Request(url, { method, headers })), answer, session)
      }
      end()
    })
  })
})

describe('the files of vectors', () => {
  it('the files of vectors equal the output of test/vectors/source/write.ts', async () => {
    const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')
    const files = await filesOfVectors(read)
    for (const [name, text] of files) expect(read(name)).toBe(text)
  })

  it('each way to check a token has vectors that are allowed and vectors that are refused', () => {
    for (const [, , vectors] of WAYS) {
      const statuses = vectors.map(([, { vector }]) => vector.answer.status)
      for (const status of [200, 401, 403]) {
        expect(statuses.filter((one) => one === status).length).toBeGreaterThan(10)
      }
    }
  })
})
