/** Passwords as they are kept. */

import { describe, expect, it, vi } from 'vitest'
import { hashPassword, passwordMatches } from '../../src/crypto/password.ts'

/** Parameters that cost no time: they live in the stored string. */
const cheap = (parameters: string) => `scrypt$${parameters}$${'A'.repeat(22)}$${'A'.repeat(43)}`

describe('a password', () => {
  it('matches its own hash, however its letters are composed, and no other', async () => {
    const stored = await hashPassword('caf\u00e9 au lait')
    expect(await passwordMatches('cafe\u0301 au lait', stored)).toBe(true)
    expect(await passwordMatches('cafe au lait', stored)).toBe(false)
    expect(await hashPassword('caf\u00e9 au lait')).not.toBe(stored)
  })

  it('is another with a NUL at its end, which HMAC would not tell apart', async () => {
    const stored = await hashPassword('a long password')
    expect(await passwordMatches('a long password', stored)).toBe(true)
    expect(await passwordMatches('a long password\0', stored)).toBe(false)
  })

  it.each(['', 'plain', 'bcrypt$1$2$3$salt$key', 'scrypt$1024$8$1$salt', 'scrypt$1024$8$1$$'])(
    'matches nothing that is kept in another form: %j',
    async (stored) => expect(await passwordMatches(stored, stored)).toBe(false),
  )

  it('matches no key that is cut short', async () => {
    const short = `scrypt$1024$8$1$${'A'.repeat(22)}$AAAA`
    expect(await passwordMatches('anything', short)).toBe(false)
  })

  it('is a fault where the kept parameters cannot be computed, and not a wrong password', async () => {
    await expect(passwordMatches('anything', cheap('3$8$1'))).rejects.toThrow()
    expect(await passwordMatches('anything', cheap('1024$8$1'))).toBe(false)
  })

  it('is a fault where the machine cannot compute it, and not a wrong password', async () => {
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
