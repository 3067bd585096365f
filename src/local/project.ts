/** Where the project's own files are, wherever a command was started. */

import { resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

export const inProject = (path: string) => resolve(ROOT, path)

export const REGISTRY_CONFIG = inProject('wrangler.toml')
export const MANAGEMENT_CONFIG = inProject('src/management/wrangler.toml')
export const AUTHENTICATOR_CONFIG = inProject('src/authenticator/wrangler.toml')

export type Environment = Readonly<Record<string, string | undefined>>

/** Where the local D1 and KV live. The same folder as of `wrangler dev`, so that both see one state. */
export const stateDirectory = (env: Environment) =>
  env.STATE_DIR ? resolve(env.STATE_DIR) : inProject('.wrangler/state')

/** Copies of the secrets that `npm run deploy` made, each in a file for its owner alone. */
export const DEPLOYED_SECRETS = inProject('.wrangler/deployment')
