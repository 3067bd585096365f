/** The configurations of the three workers, filled in. */

import type { Configs } from '../../src/local/deploy-problems.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import type { WranglerConfig } from '../../src/local/wrangler-config.ts'
import { readFilledIn } from './filled-in.ts'

export const CONFIGS: Configs = {
  registry: readFilledIn(CONFIG_PATHS.registry),
  management: readFilledIn(CONFIG_PATHS.management),
  authenticator: readFilledIn(CONFIG_PATHS.authenticator),
}

export const withoutBinding = (config: WranglerConfig, name: string): WranglerConfig => ({
  ...config,
  d1_databases: config.d1_databases.filter(({ binding }) => binding !== name),
  kv_namespaces: config.kv_namespaces.filter(({ binding }) => binding !== name),
  ratelimits: config.ratelimits.filter((one) => one.name !== name),
})
