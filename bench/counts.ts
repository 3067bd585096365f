/** Counts the storage and cryptography calls of each operation, on the registry in this process. */

import { setImmediate as tick } from 'node:timers/promises'
import { type Act, actsOf } from './lab/acts.ts'
import {
  type CryptoCount,
  cryptoUnderWay,
  takeCryptoCount,
  watchCrypto,
} from './lab/crypto-counter.ts'
import { type Answered, type Lab, openLab } from './lab/registry.ts'
import type { StorageOperation } from './lab/watch.ts'

export type Counted = Readonly<{
  name: string
  status: number
  storage: Readonly<Partial<Record<StorageOperation, number>>>
  crypto: CryptoCount
}>

/** Waits for deferred work. Only cryptography takes time here, so the work is done when no cryptography runs. */
export async function settle(): Promise<void> {
  for (let idle = 0; idle < 5; idle = cryptoUnderWay() > 0 ? 0 : idle + 1) await tick()
}

/** Counts the storage calls of a request and of its deferred work, for which `wait` waits. */
export async function countStorage(
  lab: Lab,
  run: () => Promise<Answered>,
  wait: () => Promise<void>,
) {
  const storage: Partial<Record<StorageOperation, number>> = {}
  lab.setAround((operation, act) => {
    storage[operation] = (storage[operation] ?? 0) + 1
    return act()
  })
  const { status } = await run()
  await wait()
  lab.setAround(null)
  return { status, storage }
}

const WARM_SECONDS = 300

export async function countOperations(): Promise<readonly Counted[]> {
  watchCrypto()
  const lab = await openLab(WARM_SECONDS)
  const count = async ({ name, ready }: Act): Promise<Counted> => {
    const run = await ready()
    await settle()
    takeCryptoCount()
    const { status, storage } = await countStorage(lab, run, settle)
    return { name, status, storage, crypto: takeCryptoCount() }
  }
  const counted: Counted[] = []
  for (const act of await actsOf(lab, settle)) counted.push(await count(act))
  return counted
}
