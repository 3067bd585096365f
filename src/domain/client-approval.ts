/** What a client was when an operator or an approver last gave it a permission, and what has changed since. */

import type { ClientRecord } from './client.ts'

/** What a client says of itself, and who owns it: an approver decides on these fields. */
export const SEEN_FIELDS = [
  'name',
  'url',
  'description',
  'logoUri',
  'tosUri',
  'policyUri',
  'redirectUris',
  'authMethod',
  'jwks',
  'jwksUri',
  'ownerId',
  'furtherOwners',
] as const
export type SeenField = (typeof SEEN_FIELDS)[number]

export type Approval = Readonly<{
  /** Epoch seconds. */
  approvedAt: number
  /** The actor in the form that the audit has. */
  actor: string
  seen: Pick<ClientRecord, SeenField>
}>

/** Equal values give the same text. Keys that were read at an address are not compared: the client names only the address. */
const textOf = (client: Pick<ClientRecord, SeenField>, field: SeenField): string => {
  const value = field === 'jwks' && client.jwksUri !== '' ? null : client[field]
  return JSON.stringify(Array.isArray(value) ? value.toSorted() : value)
}

/** The fields that have changed since the client was approved; null if no approval is known. */
export const changedSinceApproval = (client: ClientRecord): readonly SeenField[] | null => {
  const { approval } = client
  if (approval === null) return null
  return SEEN_FIELDS.filter((field) => textOf(client, field) !== textOf(approval.seen, field))
}
