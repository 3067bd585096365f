/**
 * Makes the clients of operators in a local state, and keeps the operator's credential beside it. A credential that no
 * longer works is made to work again: on its own machine `npm start` is the way back in.
 */

import { join } from 'node:path'
import { hexDigest } from '../crypto/digest.ts'
import { mintToken } from '../crypto/token.ts'
import { type ClientRecord, isEnabled, liveCredentials, usesSecret } from '../domain/client.ts'
import type { SecretDigest } from '../domain/ids.ts'
import type {
  Authorship,
  ClientChange,
  Detail,
  RegistrationPorts,
} from '../stores/registration-ports.ts'
import {
  auditDetailOf,
  COMMAND_LINE_CLIENT,
  OPERATOR_ID,
  type OperatorCredential,
  operatorClient,
  readCredential,
  writeCredential,
} from './operators.ts'
import { Refusal } from './refusal.ts'

const ACTOR = 'npm start'

export const credentialFile = (stateDir: string) => join(stateDir, 'operator.json')

type Step = ClientChange & Readonly<{ detail?: Detail }>

/** What makes the client usable with this secret: nothing, if it is. */
function repairs(client: ClientRecord, secretDigest: SecretDigest, now: number): Step[] {
  const { lists } = operatorClient(OPERATOR_ID, secretDigest)
  const { scopes = [], grantTypes = [] } = lists
  const isAllowed =
    scopes.every((scope) => client.scopes.includes(scope)) &&
    grantTypes.every((one) => client.grantTypes.some((held) => held === one))
  const isLive = liveCredentials(client, now).some((one) => one.secretDigest === secretDigest)
  const method = operatorClient(OPERATOR_ID, secretDigest).fields.authMethod
  const fields = { authMethod: method, requireDpop: false }
  const detail = { auth_method: method, require_dpop: false }
  return [
    ...(usesSecret(client.authMethod) && !client.requireDpop
      ? []
      : [{ kind: 'update' as const, fields, lists: {}, mode: 'authorize' as const, detail }]),
    ...(isAllowed
      ? []
      : [{ kind: 'authorize' as const, lists, detail: { scopes, grant_types: grantTypes } }]),
    ...(isLive
      ? []
      : [
          {
            kind: 'rotate_secret' as const,
            secretDigest,
            overlapSeconds: 0,
            detail: { overlap_seconds: 0 },
          },
        ]),
    ...(isEnabled(client) ? [] : [{ kind: 'enable' as const }]),
  ]
}

/** A file that is lost, or that a crash or a person spoiled, is replaced. */
async function credentialFor(stateDir: string): Promise<OperatorCredential> {
  const file = credentialFile(stateDir)
  const kept = await readCredential(file).catch((fault: unknown) => {
    if (fault instanceof Refusal) return null
    throw fault
  })
  if (kept?.clientId === OPERATOR_ID) return kept
  const made = { clientId: OPERATOR_ID, clientSecret: mintToken('clientSecret') }
  await writeCredential(file, made)
  return made
}

async function prepareOperator(
  { clients, revocations }: Ports,
  stateDir: string,
  by: Authorship,
): Promise<void> {
  const { clientSecret } = await credentialFor(stateDir)
  const secretDigest = await hexDigest(clientSecret)
  const known = await clients.find(OPERATOR_ID)
  if (!known) {
    const client = operatorClient(OPERATOR_ID, secretDigest)
    await clients.create(client, by, auditDetailOf(client))
    return
  }
  const steps = repairs(known, secretDigest, by.now)
  if (steps.length === 0) return
  const changed = await clients.change(known, steps, by)
  if (changed.kind === 'changed' && changed.hasEnded) await revocations.showInKv()
}

type Ports = Pick<RegistrationPorts, 'clients' | 'revocations'>

/** The caller holds the state's lock, so that no other process changes them meanwhile. */
export async function prepareOperators(ports: Ports, stateDir: string, now: number): Promise<void> {
  const by = { actor: ACTOR, now }
  await prepareOperator(ports, stateDir, by)
  if (await ports.clients.find(COMMAND_LINE_CLIENT.clientId)) return
  await ports.clients.create(COMMAND_LINE_CLIENT, by, auditDetailOf(COMMAND_LINE_CLIENT))
}
