/** What a request is given: a plain object, so that a copy of it has all of it. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { type Bindings, compose } from '../../src/compose.ts'
import type { ClientId } from '../../src/domain/ids.ts'
import { RequestNote } from '../../src/http/request-note.ts'
import { ISSUER } from './registry.ts'

it('a copy of what a request is given keeps every store and every setting', async () => {
  const deps = compose({ ...env, ISSUER } as Bindings).depsOf(new RequestNote())
  const copy = { ...deps }
  expect(Object.keys(copy)).toEqual(
    expect.arrayContaining(['clients', 'codes', 'refreshTokens', 'revocations', 'users', 'issuer']),
  )
  expect(await copy.clients.findFresh('nobody' as ClientId)).toBeNull()
})
