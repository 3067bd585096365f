/** The paths of the project's own files, independent of the folder in which a command was started. */

import { resolve } from 'node:path'
import type { WorkerName } from '../config.ts'

const ROOT = resolve(import.meta.dirname, '../..')

export const inProject = (path: string) => resolve(ROOT, path)

export const CONFIG_FILES = {
  registry: 'wrangler.toml',
  management: 'src/management/wrangler.toml',
  authenticator: 'src/authenticator/wrangler.toml',
} as const satisfies Record<WorkerName, string>

export const CONFIG_PATHS: Readonly<Record<WorkerName, string>> = {
  registry: inProject(CONFIG_FILES.registry),
  management: inProject(CONFIG_FILES.management),
  authenticator: inProject(CONFIG_FILES.authenticator),
}

/** The words that name the Worker's configuration to wrangler: without them wrangler takes the registry. */
export const configWords = (worker: WorkerName): string[] =>
  worker === 'registry' ? [] : ['--config', CONFIG_FILES[worker]]

export const secretCommand = (verb: 'put' | 'delete', worker: WorkerName, name: string) =>
  ['npx wrangler secret', verb, name, ...configWords(worker)].join(' ')

export type Environment = Readonly<Record<string, string | undefined>>

/** The folder of the local D1 and KV. It is also the folder of `wrangler dev`, so that both see one state. */
export const stateDirectory = (env: Environment) =>
  env.STATE_DIR ? resolve(env.STATE_DIR) : inProject('.wrangler/state')

/** Copies of the secrets that `npm run deploy` made, each in a file for its owner alone. */
export const DEPLOYED_SECRETS = inProject('.wrangler/deployment')
