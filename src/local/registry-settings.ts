/** The registry's settings as the command line knows them: its own environment, else wrangler.toml, else the defaults. */

import { readSettings, SETTING_NAMES, type Settings } from '../config.ts'
import { REGISTRY_CONFIG } from './project.ts'
import { readWranglerConfig } from './wrangler-config.ts'

/** Throws, naming the setting, when one is bad. An empty value is none. */
export function readRegistrySettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const { vars } = readWranglerConfig(REGISTRY_CONFIG)
  const given = SETTING_NAMES.flatMap((name) => (env[name] ? [[name, env[name]] as const] : []))
  return readSettings({ ...vars, ...Object.fromEntries(given) })
}
