/** For the one writer that the lock does not know, `wrangler dev` on the same state. */

import { setTimeout as wait } from 'node:timers/promises'

const GIVE_UP_AFTER_MS = 10_000

/**
 * `attempt` must be harmless to repeat: a statement or a batch that met SQLITE_BUSY has written nothing. After
 * ten seconds the fault is thrown as it is.
 */
export async function retryWhenBusy<T>(attempt: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS
  for (;;) {
    try {
      return await attempt()
    } catch (fault) {
      if (!/SQLITE_BUSY|database is locked/.test(String(fault))) throw fault
      if (performance.now() > giveUpAt) throw fault
      await wait(20 + Math.random() * 80)
    }
  }
}
