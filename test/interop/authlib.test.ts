/** Debian's Authlib against a running registry. */

import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeLibrary } from '../node/client-library-suite.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import { describeTokenLibrary } from '../node/token-library-suite.ts'
import { authlib, clientCredentialsByKey, requireAuthlib } from './authlib.ts'

let running: RecordedRegistry

beforeAll(async () => {
  await requireAuthlib()
  running = await startRecordedRegistry()
})

afterAll(() => running?.end())

describeLibrary('Authlib', authlib, () => running)
describeTokenLibrary('Authlib', authlib, () => running)

describe('Authlib with private_key_jwt', () => {
  const newKeys = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  }

  async function registered(algorithm: keyof typeof newKeys) {
    const { publicKey, privateKey } = newKeys[algorithm]()
    const { client_id: id } = (await running.administer(
      ...[
        'client',
        'create',
        '--name',
        'By key',
        '--owner',
        'owner-1',
        '--scope',
        'submission:read',
      ],
      ...['--auth-method', 'private_key_jwt'],
      ...['--jwks', JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] })],
    )) as { client_id: string }
    const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    const audience = running.registry
    return { id, privateKey: pem, algorithm, audience, lifetimeSeconds: 300 }
  }

  it.each(['RS256', 'ES256'] as const)(
    'Authlib gets a token with private_key_jwt and %s',
    async (algorithm) => {
      const client = await registered(algorithm)
      const granted = await clientCredentialsByKey(running.registry, 'submission:read', client)
      expect(granted).toMatchObject({ scope: 'submission:read', expiresInSeconds: 7200 })
      const answer = await authlib(running.registry).get(
        `${running.authenticator}/auth`,
        granted.accessToken,
      )
      expect(answer.status).toBe(200)
    },
  )

  it('Authlib gets invalid_client for an assertion with the token endpoint as its audience or with too long a lifetime', async () => {
    const client = await registered('ES256')
    const wrong = { audience: `${running.registry}/token` }
    for (const change of [wrong, { lifetimeSeconds: 3600 }]) {
      const asked = { ...client, ...change }
      const work = clientCredentialsByKey(running.registry, 'submission:read', asked)
      await expect(work).rejects.toMatchObject({ error: 'invalid_client' })
    }
    const granted = await clientCredentialsByKey(running.registry, 'submission:read', client)
    expect(granted.scope).toBe('submission:read')
  })
})

leavesNoSecret(() => running, {
  ...{ secrets: 120, line: 10, row: 140, key: 30, value: 30, file: 20, answer: 110 },
})
