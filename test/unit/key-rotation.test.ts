/** Making and rotating signing keys: each step, and what is refused. */

import { describe, expect, it } from 'vitest'
import {
  addKey,
  createKeys,
  EXPIRED_AFTER_SECONDS,
  formatKeys,
  isUsable,
  nextStep,
  nextStepOf,
  PUBLISHED_AFTER_SECONDS,
  promoteKey,
  readUsableKeys,
  retireKey,
  shareKey,
} from '../../src/crypto/key-rotation.ts'
import { ownVerificationKeys, signWith, verifyWith } from '../../src/crypto/signed-jwt.ts'
import { publicKeys, type SigningKeys } from '../../src/crypto/signing-keys.ts'

const NOW = 1_800_000_000
const kidsOf = async (keys: SigningKeys) => (await publicKeys(keys)).keys.map(({ kid }) => kid)
const text = (keys: unknown) => JSON.stringify({ keys })

describe('a rotation', () => {
  it('in each step of a rotation what the step before has signed verifies, until the old key is retired', async () => {
    const created = await createKeys('ES256', NOW)
    const added = await addKey(created, 'EdDSA', NOW + 10)
    const [old = '', young = ''] = await kidsOf(added)
    const promoted = await promoteKey(added, young, NOW + 1000)
    const retired = await retireKey(promoted, old)
    expect(await Promise.all([created, added, promoted, retired].map(kidsOf))).toEqual([
      [old],
      [old, young],
      [young, old],
      [young],
    ])
    const steps = [created, added, promoted, retired]
    const claims = { iss: 'https://a.example', exp: NOW + 9999 }
    const verifies = async (signing: SigningKeys, verifying: SigningKeys) => {
      const expected = { typ: 'at+jwt', issuer: claims.iss, nowMs: NOW * 1000 }
      const jwt = await signWith(signing, expected.typ, claims)
      return typeof (await verifyWith(ownVerificationKeys(verifying), jwt, expected)) === 'object'
    }
    const seen = await Promise.all(
      steps.map((signing) => Promise.all(steps.map((verifying) => verifies(signing, verifying)))),
    )
    // Rows: who signed. Columns: the published set, which may be of the step before or after.
    expect(seen).toEqual([
      [true, true, true, false],
      [true, true, true, false],
      [false, true, true, true],
      [false, true, true, true],
    ])
  })

  it('the next step of a rotation and the moment from which it is safe are known in each state', async () => {
    const created = await createKeys('ES256', NOW)
    const added = await addKey(created, 'ES256', NOW + 10)
    const [old = '', young = ''] = await kidsOf(added)
    const promoted = await promoteKey(added, young, NOW + 1000)
    expect(await nextStepOf(created)).toEqual({ step: 'add' })
    expect(await nextStepOf(added)).toEqual({
      step: 'promote',
      kid: young,
      from: NOW + 10 + PUBLISHED_AFTER_SECONDS,
    })
    expect(await nextStepOf(promoted)).toEqual({
      step: 'retire',
      kid: old,
      from: NOW + 1000 + EXPIRED_AFTER_SECONDS,
    })
    // An old key is retired before a third one is promoted; a step back makes the new key the old one.
    const third = await addKey(promoted, 'ES256', NOW + 2000)
    expect(await nextStepOf(third)).toMatchObject({ step: 'retire', kid: old })
    const back = await promoteKey(promoted, old, NOW + 3000)
    expect(await nextStepOf(back)).toMatchObject({ step: 'retire', kid: young })
  })

  it('keys that were made elsewhere do not say which step is next, until one of them is promoted', async () => {
    const made = (await addKey(await createKeys('ES256', NOW), 'ES256', NOW)).map(
      ({ added_at, first_at, ...key }) => key,
    ) as unknown as SigningKeys
    const [first = '', second = ''] = await kidsOf(made)
    expect(await nextStepOf(made)).toEqual({ step: 'unknown' })
    expect(nextStep([])).toEqual({ step: 'add' })
    expect(nextStep([{ kid: first, first_at: 1 }, { kid: second }])).toEqual({ step: 'unknown' })
    expect(await nextStepOf(await promoteKey(made, second, NOW))).toEqual({
      step: 'retire',
      kid: first,
      from: NOW + EXPIRED_AFTER_SECONDS,
    })
  })
})

it('the kid of a new key does not begin with a hyphen, which a command line would take for an option', async () => {
  const made = await Promise.all(Array.from({ length: 400 }, () => createKeys('ES256', NOW)))
  const kids = (await Promise.all(made.map(kidsOf))).flat()
  expect(kids.filter((kid) => kid.startsWith('-'))).toEqual([])
})

it('keys whose private parts are lost go on verifying beside a new one, and are retired next', async () => {
  const lost = await createKeys('EdDSA', NOW - 9000)
  const [kid = ''] = await kidsOf(lost)
  const made = (await publicKeys(lost)).keys.map(({ added_at, first_at, ...key }) => key)
  const keys = await createKeys('ES256', NOW, lost)
  expect((await kidsOf(keys))[1]).toBe(kid)
  expect(JSON.stringify(keys)).not.toContain(lost[0].d)
  const next = { step: 'retire', kid, from: NOW + EXPIRED_AFTER_SECONDS }
  expect(await nextStepOf(keys)).toEqual(next)
  expect(await nextStepOf(await createKeys('ES256', NOW, made))).toEqual(next)
})

it('two settings share a key if one key is in both, also without its private part', async () => {
  const [one, other] = [await createKeys('ES256', NOW), await createKeys('ES256', NOW)]
  const { d, ...published } = one[0]
  expect(shareKey(one, other)).toBe(false)
  expect(shareKey(one, [other[0], published])).toBe(true)
})

describe('refusals', () => {
  it('neither a key that is unknown, nor the one that signs, nor one without its private part changes places', async () => {
    const keys = await addKey(await createKeys('ES256', NOW), 'ES256', NOW)
    const [first = '', second = ''] = await kidsOf(keys)
    await expect(promoteKey(keys, 'other', NOW)).rejects.toThrow('no key has the kid other')
    await expect(retireKey(keys, 'other')).rejects.toThrow('no key has the kid other')
    await expect(promoteKey(keys, first, NOW)).rejects.toThrow('is the key that signs already')
    await expect(retireKey(keys, first)).rejects.toThrow(`${first} is the key that signs`)
    const kept = await createKeys('ES256', NOW, (await publicKeys(keys)).keys)
    await expect(promoteKey(kept, second, NOW)).rejects.toThrow('has no private part')
  })

  it('a value whose keys do not fit together is not usable, with the fault in any of its keys', async () => {
    const keys = await addKey(await createKeys('EdDSA', NOW), 'EdDSA', NOW)
    const [first, second] = keys
    expect(await isUsable(await formatKeys(keys))).toBe(true)
    expect(await readUsableKeys(text(keys))).toEqual(keys)
    expect(await isUsable(text([first, { ...second, d: undefined }]))).toBe(true)
    expect(await isUsable('{}')).toBe(false)
    const mixed = text([first, { ...second, d: first.d }])
    expect(await isUsable(mixed)).toBe(false)
    await expect(readUsableKeys(mixed)).rejects.toThrow(
      'key 2 cannot sign: its public and its private part do not fit together',
    )
  })
})
