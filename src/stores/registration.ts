/** The stores of `flows/registration`, made from one D1 and one KV. */

import { administratorRevocations } from './administrator-revocations.ts'
import { clientRegistry } from './client-registry.ts'
import type { Database, TextNamespace } from './database.ts'
import { documentHostRegistry } from './document-host-registry.ts'
import { refreshTokenStore } from './refresh-tokens.ts'
import type { Lifetimes } from './registration-ports.ts'
import { resourceRegistry } from './resource-registry.ts'
import { categoryRegistry, scopeRegistry } from './scope-registry.ts'
import { userRegistry } from './user-registry.ts'

export type RegistrationPorts = ReturnType<typeof registrationPorts>

export const registrationPorts = (
  db: Database,
  sessions: Pick<TextNamespace, 'get' | 'put'>,
  lifetimes: Lifetimes,
) => ({
  clients: clientRegistry(db, lifetimes),
  users: userRegistry(db, lifetimes),
  scopes: scopeRegistry(db, lifetimes),
  categories: categoryRegistry(db),
  resources: resourceRegistry(db, lifetimes),
  documentHosts: documentHostRegistry(db),
  revocations: administratorRevocations(db, sessions, lifetimes),
  refreshTokens: refreshTokenStore(db),
})
