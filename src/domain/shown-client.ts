/** A client as it is shown to people, who decide whether to trust it. */

import type { ClientDetails, SelfRegistered } from './client.ts'

/** What pages show of a client besides the client itself. */
export type ShownDetails = Pick<ClientDetails, 'logoUri' | 'tosUri' | 'policyUri'> &
  Readonly<{
    /** The username of the client's owner; null if the owner is no registered user. */
    ownerName: string | null
    /** The digest of the client's logo, which is in the logo's address here; null if no logo is stored. */
    logo: string | null
  }>

export type ListedClient = Readonly<{
  clientId: string
  name: string
  isEnabled: boolean
  /** Epoch seconds. */
  createdAt: number
  /** Requests that wait for approval. */
  waiting: number
}>

type Identity = Readonly<{
  clientId: string
  /** Null for a client that an operator registered. */
  selfRegistered: Pick<SelfRegistered, 'kind'> | null
}>

/** The host of the client's metadata document: the only verified fact about such a client. Null for other clients. */
export const verifiedHostOf = ({ clientId, selfRegistered }: Identity) =>
  selfRegistered?.kind === 'document' ? new URL(clientId).host : null

/** Is the client's name unverified, and does the client have no verified host? */
export const isSelfNamed = ({ selfRegistered }: Pick<Identity, 'selfRegistered'>) =>
  selfRegistered?.kind === 'registration'

/** The client's verified host; without a verified host, its name. */
export const nameForPeople = (client: Identity & Readonly<{ name: string }>) =>
  verifiedHostOf(client) ?? client.name

/** The path under which the registry serves an image by its digest. */
export const LOGOS_PATH = '/logos'
export const logoPath = (logo: string | null) => (logo === null ? null : `${LOGOS_PATH}/${logo}`)
