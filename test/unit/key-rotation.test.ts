/** The creation and rotation of signing keys: each step, and the refusals. */

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
  it('in each step of a rotation, the published keys verify what the previous step signed, until the old key is retired', async () => {
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
    // Rows: the step that signs. Columns: the step whose published keys verify.
    expect(seen).toEqual([
      [true, true, true, false],
      [true, true, true, false],
      [false, true, true, true],
      [false, true, true, true],
    ])
  })

  it('each state of a rotation gives the next step and the time from which it is safe', async () => {
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

  it('keys without times, made by another program, have no known next step until one of them is promoted', async () => {
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

it('the kid of a new key does not begin with a hyphen, which a command line would parse as an option', async () => {
  const made = await Promise.all(Array.from({ length: 400 }, () => createKeys('ES256', NOW)))
  const kids = (await Promise.all(made.map(kidsOf))).flat()
  expect(kids.filter((kid) => kid.startsWith('-'))).toEqual([])
})

it('keys whose private parts are lost stay in the set beside a new key, and are retired next', async () => {
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

it('two settings share a key if one key is in both, even without its private part', async () => {
  const [one, other] = [await createKeys('ES256', NOW), await createKeys('ES256', NOW)]
  const { d, ...published } = one[0]
  expect(shareKey(one, other)).toBe(false)
  expect(shareKey(one, [other[0], published])).toBe(true)
})

describe('refusals', () => {
  it('promoteKey and retireKey refuse an unknown key and the signing key, and promoteKey a key without its private part', async () => {
    const keys = await addKey(await createKeys('ES256', NOW), 'ES256', NOW)
    const [first = '', second = ''] = await kidsOf(keys)
    await expect(promoteKey(keys, 'other', NOW)).rejects.toThrow('no key has the kid other')
    await expect(retireKey(keys, 'other')).rejects.toThrow('no key has the kid other')
    await expect(promoteKey(keys, first, NOW)).rejects.toThrow('is the key that signs already')
    await expect(retireKey(keys, first)).rejects.toThrow(`${first} is the key that signs`)
    const kept = await createKeys('ES256', NOW, (await publicKeys(keys)).keys)
    await expect(promoteKey(kept, second, NOW)).rejects.toThrow('has no private part')
  })

  it('a setting with a key whose public and private part do not match is not usable, wherever the key is', async () => {
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
