/** Counts the calls of the platform's cryptography in this process, and those that are running. */

const COUNTED = [
  'digest',
  'sign',
  'verify',
  'importKey',
  'encrypt',
  'decrypt',
  'deriveBits',
] as const

export type CryptoCount = Record<string, number>

let count: CryptoCount = {}
let underWay = 0

export const cryptoUnderWay = () => underWay

export const takeCryptoCount = (): CryptoCount => {
  const taken = count
  count = {}
  return taken
}

const note = (name: string) => {
  count[name] = (count[name] ?? 0) + 1
}

/** Replaces the functions of `crypto`. Call it once in a process. */
export function watchCrypto(): void {
  const subtle = crypto.subtle as unknown as Record<
    string,
    (...words: unknown[]) => Promise<unknown>
  >
  for (const name of COUNTED) {
    const original = subtle[name]?.bind(crypto.subtle)
    if (!original) continue
    Object.defineProperty(crypto.subtle, name, {
      configurable: true,
      value: async (...words: unknown[]) => {
        note(name)
        underWay += 1
        try {
          return await original(...words)
        } finally {
          underWay -= 1
        }
      },
    })
  }
  for (const name of ['getRandomValues', 'randomUUID'] as const) {
    const original = (crypto[name] as (...words: unknown[]) => unknown).bind(crypto)
    Object.defineProperty(crypto, name, {
      configurable: true,
      value: (...words: unknown[]) => {
        note('random')
        return original(...words)
      },
    })
  }
}
