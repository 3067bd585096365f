/** Configurations as an operator fills them in: with an issuer and the ids that wrangler printed. */

import { readWranglerConfig, type WranglerConfig } from '../../src/local/wrangler-config.ts'

const FILLED_IN_ISSUER = 'https://registry.example'

export const filledIn = (config: WranglerConfig): WranglerConfig => ({
  ...config,
  vars: { ISSUER: FILLED_IN_ISSUER },
  d1_databases: config.d1_databases.map((d1) => ({
    ...d1,
    database_id: '5f0c31a2-6c1b-4f0e-9a53-b1b6a0d9a001',
  })),
  kv_namespaces: config.kv_namespaces.map((kv) => ({ ...kv, id: `${kv.binding}-id` })),
})

export const readFilledIn = (path: string) => filledIn(readWranglerConfig(path))
