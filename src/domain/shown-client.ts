/** A client as it is shown to people, who decide whether to trust it. */

import type { ClientDetails, SelfRegistered } from './client.ts'

/** What pages show of a client beside the client itself. */
export type ShownDetails = Pick<ClientDetails, 'logoUri' | 'tosUri' | 'policyUri'> &
  Readonly<{
    /** The username of its owner; null if the owner is no user here. */
    ownerName: string | null
    /** The digest of its logo, by which we serve it; null if we have none. */
    logo: string | null
  }>

/** A client in the list of its owner. */
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

/** The host of its metadata document: the only verified fact about such a client. Null for others. */
export const verifiedHostOf = ({ clientId, selfRegistered }: Identity) =>
  selfRegistered?.kind === 'document' ? new URL(clientId).host : null

/** Is its name unverified, and has it no verified host? */
export const isSelfNamed = ({ selfRegistered }: Pick<Identity, 'selfRegistered'>) =>
  selfRegistered?.kind === 'registration'

/** Its verified host; without one, its name. */
export const nameForPeople = (client: Identity & Readonly<{ name: string }>) =>
  verifiedHostOf(client) ?? client.name

/** Where we serve an image by its digest. */
export const LOGOS_PATH = '/logos'
export const logoPath = (logo: string | null) => (logo === null ? null : `${LOGOS_PATH}/${logo}`)
