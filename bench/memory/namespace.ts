/** A KV namespace in memory. It drops the oldest keys that expire, so that a long run does not fill the heap. */

const MAX_EXPIRING = 20_000

export function memoryNamespace(): KVNamespace {
  const lasting = new Map<string, string>()
  const expiring = new Map<string, string>()

  const read = (key: string) => expiring.get(key) ?? lasting.get(key) ?? null
  const namespace = {
    async get(key: string, how?: string | { type?: string }) {
      const value = read(key)
      const type = typeof how === 'object' ? how.type : how
      return value !== null && type === 'json' ? JSON.parse(value) : value
    },
    async put(
      key: string,
      value: string,
      options?: { expirationTtl?: number; expiration?: number },
    ) {
      if (options?.expirationTtl === undefined && options?.expiration === undefined) {
        lasting.set(key, value)
        return
      }
      if (expiring.size >= MAX_EXPIRING) expiring.delete(expiring.keys().next().value as string)
      expiring.set(key, value)
    },
    async delete(key: string) {
      if (!expiring.delete(key)) lasting.delete(key)
    },
    async list({ prefix = '' }: { prefix?: string } = {}) {
      const names = [...lasting.keys(), ...expiring.keys()].filter((name) =>
        name.startsWith(prefix),
      )
      return { keys: names.map((name) => ({ name })), list_complete: true }
    },
  }
  return namespace as unknown as KVNamespace
}
