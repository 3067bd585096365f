/** `client create` and `update` with keys: `--jwks`, `--jwks-file` and `--require-dpop`. */

import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClientId } from '../../src/domain/ids.ts'
import { clientStore } from '../../src/stores/clients.ts'
import { type ServedState, servedState } from './command-line.ts'

const CREATE = ['client', 'create', '--name', 'N', '--owner', 'u']
const WITH_KEYS = [...CREATE, '--auth-method', 'private_key_jwt']

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { publicKey, privateKey } = keyPair()
const PUBLIC = publicKey.export({ format: 'jwk' })
const KEY_SET = JSON.stringify({ keys: [PUBLIC] })
const OTHER_KEY_SET = JSON.stringify({ keys: [keyPair().publicKey.export({ format: 'jwk' })] })
const rsa = (modulusLength: number) =>
  generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })

let state: ServedState
let folder: string
beforeAll(async () => {
  state = await servedState()
  folder = await mkdtemp(join(tmpdir(), 'registry-keys-'))
})
afterAll(async () => {
  await state.close()
  await rm(folder, { recursive: true, force: true })
})

type Shown = Readonly<{ client_id: string; jwks: unknown; require_dpop: boolean }>
const show = (id: string) => state.json<Shown>(['client', 'show', id])
const createWithKeys = () => state.json<Shown>([...WITH_KEYS, '--jwks', KEY_SET])

describe('JWK Sets', () => {
  it('client create with a JWK Set stores and shows the set, and creates no secret', async () => {
    const created = await createWithKeys()
    expect(Object.keys(created)).toEqual(['client_id'])
    expect(await show(created.client_id)).toMatchObject({
      auth_method: 'private_key_jwt',
      jwks: JSON.parse(KEY_SET),
      credentials: [],
      grant_types: ['client_credentials'],
    })
    const { stdout } = await state.admin(['client', 'show', created.client_id])
    expect(stdout).toContain(`x ${PUBLIC.x}`)
  })

  it('a JWK Set can be read from a file, and can be replaced', async () => {
    const file = join(folder, 'keys.json')
    await writeFile(file, JSON.stringify(JSON.parse(KEY_SET), null, 2))
    const { client_id } = await state.json<Shown>([...WITH_KEYS, '--jwks-file', file])
    const updated = ['client', 'update', client_id, '--jwks', OTHER_KEY_SET]
    expect((await state.json<Shown>(updated)).jwks).toEqual(JSON.parse(OTHER_KEY_SET))
    const asServerReads = await clientStore(state.database, () => state.database).find(
      client_id as ClientId,
    )
    expect(asServerReads?.jwks).toBe(OTHER_KEY_SET)
  })

  it('a JWK Set is required for private_key_jwt, and removed when a client changes to another method', async () => {
    const { client_id } = await createWithKeys()
    const use = (...words: string[]) => state.json<Shown>(['client', 'update', client_id, ...words])
    expect((await use('--auth-method', 'client_secret_post')).jwks).toBeNull()
    const back = await use('--auth-method', 'private_key_jwt', '--jwks', OTHER_KEY_SET)
    expect(back.jwks).toEqual(JSON.parse(OTHER_KEY_SET))
  })

  it.each(['RSA of 2048 bits', 'Ed25519'])(
    'a JWK Set may contain a key of the kind %s',
    async (what) => {
      const key =
        what === 'Ed25519'
          ? generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
          : rsa(2048)
      const made = await state.json<Shown>([
        ...WITH_KEYS,
        '--jwks',
        JSON.stringify({ keys: [key] }),
      ])
      expect(made.client_id).toBeTruthy()
    },
  )
})

describe('JWK Sets with unusable keys (RFC 7517 §5)', () => {
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({
    format: 'jwk',
  })
  const USELESS: [string, object][] = [
    ['for encryption', { ...rsa(2048), use: 'enc', alg: 'RSA-OAEP' }],
    ['for operations other than verify', { ...PUBLIC, key_ops: ['deriveBits'] }],
    ['of an unknown type', { kty: 'AKP', alg: 'ML-DSA-65', pub: 'AAAA' }],
    ['of another curve', p384],
    ['for another algorithm', { ...rsa(2048), alg: 'RS512' }],
  ]
  it.each(USELESS)(
    'a JWK Set is stored without a key %s, which is unusable, and a note names the key',
    async (_, key) => {
      const set = JSON.stringify({ keys: [key, PUBLIC] })
      const made = await state.admin([...WITH_KEYS, '--jwks', set, '--json'])
      expect(made.stderr).toMatch(/^note: key 1 (is|has) .*; the key is left out\n$/)
      const { client_id } = JSON.parse(made.stdout) as Shown
      expect((await show(client_id)).jwks).toEqual(JSON.parse(KEY_SET))
      const updated = await state.admin(['client', 'update', client_id, '--jwks', set, '--json'])
      expect((JSON.parse(updated.stdout) as Shown).jwks).toEqual(JSON.parse(KEY_SET))
    },
  )

  it('a JWK Set that contains only unusable keys is refused', async () => {
    const set = JSON.stringify({ keys: USELESS.map(([, key]) => key) })
    const { status, stderr } = await state.admin([...WITH_KEYS, '--jwks', set])
    expect(status).toBe(1)
    for (let number = 1; number <= USELESS.length; number += 1) {
      expect(stderr).toContain(`key ${number} `)
    }
  })
})

const keys = (...all: unknown[]) => [...WITH_KEYS, '--jwks', JSON.stringify({ keys: all })]

describe('refused JWK Sets', () => {
  it.each<[line: string, status: number, words: string[]]>([
    [
      'the authentication method private_key_jwt needs a JWK Set: --jwks or --jwks-file',
      1,
      WITH_KEYS,
    ],
    [
      'a JWK Set is for the authentication method private_key_jwt alone',
      1,
      [...CREATE, '--jwks', KEY_SET],
    ],
    ['give either --jwks or --jwks-file', 2, [...WITH_KEYS, '--jwks', KEY_SET, '--jwks-file', 'x']],
    [
      '--jwks-file "/nowhere/keys.json" cannot be read (ENOENT)',
      1,
      [...WITH_KEYS, '--jwks-file', '/nowhere/keys.json'],
    ],
    ['the JWK Set is not JSON', 1, [...WITH_KEYS, '--jwks', '{']],
    [
      'the JWK Set is not a JWK Set: an object with an array of keys',
      1,
      [...WITH_KEYS, '--jwks', JSON.stringify(PUBLIC)],
    ],
    ['the JWK Set holds no key', 1, keys()],
    ['the JWK Set holds more than 10 keys', 1, keys(...Array.from({ length: 11 }, () => PUBLIC))],
    ['the JWK Set cannot be used: key 1 is not an object', 1, keys('key')],
    [
      'the JWK Set cannot be used: key 2 holds private members: register the public key alone',
      1,
      keys(PUBLIC, privateKey.export({ format: 'jwk' })),
    ],
    [
      'the JWK Set cannot be used: key 1 is symmetric: only public keys can be registered',
      1,
      keys({ kty: 'oct', k: 'c2VjcmV0' }),
    ],
    ['the JWK Set cannot be used: key 1 is RSA of fewer than 2048 bits', 1, keys(rsa(1024))],
    [
      'the JWK Set cannot be used: key 1 has the type "EC P-521", which is not one of RSA, EC P-256, OKP Ed25519',
      1,
      keys({ ...PUBLIC, crv: 'P-521' }),
    ],
    [
      'the JWK Set cannot be used: key 1 is not a key: a member is missing or wrong',
      1,
      keys({ ...PUBLIC, y: PUBLIC.x }),
    ],
    [
      'the JWK Set cannot be used: key 2 is for the algorithm RS256, which is for keys of another type',
      1,
      keys(PUBLIC, { ...PUBLIC, alg: 'RS256' }),
    ],
    [
      'the JWK Set cannot be used: key 1 is not for signatures (its use or key_ops)',
      1,
      keys({ ...PUBLIC, use: 'enc' }),
    ],
    [
      'the JWK Set cannot be used: key 1 is for an algorithm that is not one of RS256, PS256, ES256, EdDSA, Ed25519',
      1,
      keys({ ...PUBLIC, alg: 'ES512' }),
    ],
  ])(
    'a JWK Set is refused with the line "%s", and nothing is written',
    async (line, status, words) => {
      const before = await state.dump()
      const answer = await state.admin(words)
      expect(answer).toEqual({ status, stdout: '', stderr: `error: ${line}\n` })
      expect(await state.dump()).toEqual(before)
    },
  )

  it('client update refuses a bad JWK Set, and client rotate-secret a client with a JWK Set', async () => {
    const { client_id } = await createWithKeys()
    const secret = (await state.json<Shown>(CREATE)).client_id
    const refused = async (...words: string[]) => (await state.admin(['client', ...words])).stderr
    expect(await refused('update', secret, '--auth-method', 'private_key_jwt')).toMatch(
      /needs a JWK/,
    )
    expect(await refused('update', secret, '--jwks', KEY_SET)).toMatch(/private_key_jwt alone/)
    expect(await refused('rotate-secret', client_id)).toMatch(/private_key_jwt has no secret/)
  })
})

describe('--require-dpop', () => {
  it('--require-dpop is off by default and can be set and cleared', async () => {
    const { client_id } = await state.json<Shown>(CREATE)
    const strict = await state.json<Shown>([...CREATE, '--require-dpop'])
    expect((await show(client_id)).require_dpop).toBe(false)
    expect((await show(strict.client_id)).require_dpop).toBe(true)
    const taken = ['client', 'update', strict.client_id, '--no-require-dpop']
    expect((await state.json<Shown>(taken)).require_dpop).toBe(false)
  })

  it('--require-dpop and the options for keys are in --help', async () => {
    for (const verb of ['create', 'update']) {
      const { stdout } = await state.admin(['client', verb, '--help'])
      for (const option of ['--jwks <json>', '--jwks-file <file>', '--require-dpop']) {
        expect(stdout).toContain(option)
      }
    }
  })
})
