/** Who is measured, and which program serves it. */

import type { Operation, Storage } from './operations.ts'

export type Contestant = Readonly<{ who: string; storage: Storage; program: readonly string[] }>

const worker = (who: string, storage: 'simulator' | 'memory'): Contestant => ({
  who,
  storage,
  program: ['servers/workers.ts', who, storage],
})

const peer = (who: string, program: string): Contestant => ({
  who,
  storage: 'own',
  program: [program],
})

/** Each simulated, each in memory, then the peers on Node, each in its own memory. */
export const CONTESTANTS: readonly Contestant[] = [
  worker('registry', 'simulator'),
  worker('floor', 'simulator'),
  worker('registry', 'memory'),
  worker('floor', 'memory'),
  worker('crypto-floor', 'memory'),
  worker('workers-oauth-provider', 'memory'),
  peer('oidc-provider', 'peers/oidc-provider.js'),
  peer('oauth2-server', 'peers/oauth2-server.js'),
  peer('better-auth', 'peers/better-auth.js'),
]

/** Names one row of the results. */
export type RowName = Readonly<{ who: string; storage: Storage; operation: Operation }>
