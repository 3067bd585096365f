/** Workers' modules, bundled and loaded into this process. */

import { resolve } from 'node:path'
import { buildWorker } from '../../src/local/build-worker.ts'
import type * as Entry from './entry.ts'

/** `path` from the benchmark's own directory. */
export async function loadModule<T>(path: string): Promise<T> {
  const module = await buildWorker(resolve(import.meta.dirname, '..', path))
  return import(`data:text/javascript;base64,${Buffer.from(module).toString('base64')}`)
}

export const loadLab = () => loadModule<typeof Entry>('lab/entry.ts')
