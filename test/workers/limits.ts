/** Rate limits for the tests, as the bindings of the registry and the authenticator. */

type Key = Readonly<{ key: string }>

/** A rate limit with a maximum per key but no period, and the keys that it was called with. */
export function limiter(most: number) {
  const counts = new Map<string, number>()
  return {
    keys: () => [...counts.keys()],
    limit: async ({ key }: Key) => {
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      return { success: count <= most }
    },
  }
}

/** A rate limit that is exceeded for these keys, and for no key unless given. */
export const exceededFor = (isExceeded: (key: string) => boolean = () => false) => ({
  limit: async ({ key }: Key) => ({ success: !isExceeded(key) }),
})
