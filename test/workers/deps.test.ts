/** The dependencies of a request are a plain object, so that a copy has them all. */

import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { type Bindings, compose } from '../../src/compose.ts'
import type { ClientId } from '../../src/domain/ids.ts'
import { RequestNote } from '../../src/http/request-note.ts'
import { ISSUER } from './registry.ts'

it('a copy of the dependencies of a request has every store and every setting', async () => {
  const deps = compose({ ...env, ISSUER } as Bindings).depsOf(new RequestNote())
  const copy = { ...deps }
  expect(Object.keys(copy)).toEqual(
    expect.arrayContaining(['clients', 'codes', 'refreshTokens', 'revocations', 'users', 'issuer']),
  )
  expect(await copy.clients.findFresh('nobody' as ClientId)).toBeNull()
})
