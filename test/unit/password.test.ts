/** Stored passwords. */

import { describe, expect, it, vi } from 'vitest'
import { hashPassword, passwordMatches } from '../../src/crypto/password.ts'

/** Fast parameters. They are part of the stored hash. */
const cheap = (parameters: string) => `scrypt$${parameters}$${'A'.repeat(22)}$${'A'.repeat(43)}`

describe('passwords', () => {
  it('a password matches its own hash in every Unicode composition, and no other hash', async () => {
    const stored = await hashPassword('caf\u00e9 au lait')
    expect(await passwordMatches('cafe\u0301 au lait', stored)).toBe(true)
    expect(await passwordMatches('cafe au lait', stored)).toBe(false)
    expect(await hashPassword('caf\u00e9 au lait')).not.toBe(stored)
  })

  it('a password with a NUL added does not match, although HMAC pads with NUL', async () => {
    const stored = await hashPassword('a long password')
    expect(await passwordMatches('a long password', stored)).toBe(true)
    expect(await passwordMatches('a long password\0', stored)).toBe(false)
  })

  it.each(['', 'plain', 'bcrypt$1$2$3$salt$key', 'scrypt$1024$8$1$salt', 'scrypt$1024$8$1$$'])(
    'a password does not match the malformed hash %j',
    async (stored) => expect(await passwordMatches(stored, stored)).toBe(false),
  )

  it('a password does not match a hash with a truncated key', async () => {
    const short = `scrypt$1024$8$1$${'A'.repeat(22)}$AAAA`
    expect(await passwordMatches('anything', short)).toBe(false)
  })

  it('checking a password against a hash with impossible parameters throws, and does not report a wrong password', async () => {
    await expect(passwordMatches('anything', cheap('3$8$1'))).rejects.toThrow()
    expect(await passwordMatches('anything', cheap('1024$8$1'))).toBe(false)
  })

  it('checking a password on a machine without enough memory throws, and does not report a wrong password', async () => {
    vi.resetModules()
    vi.doMock('node:crypto', async (original) => ({
      ...(await original<typeof import('node:crypto')>()),
      scrypt: (...words: unknown[]) =>
        (words.at(-1) as (fault: Error) => void)(new Error('out of memory')),
    }))
    const onBadMachine = await import('../../src/crypto/password.ts')
    await expect(onBadMachine.passwordMatches('anything', cheap('1024$8$1'))).rejects.toThrow(
      'out of memory',
    )
    vi.doUnmock('node:crypto')
  })
})
