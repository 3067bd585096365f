/** A remembered consent: what a user agreed to for a client, and when it may answer a new request. */

import { type Client, isPublic, type SelfRegistered } from './client.ts'
import { type Resource, resourcesWith, urisOf } from './resource.ts'
import {
  type Catalogue,
  type DescribedEndorsement,
  type DescribedScope,
  describeEndorsement,
  describeScope,
} from './scope-catalogue.ts'
import { type ShownDetails, verifiedHostOf } from './shown-client.ts'

/** An unused consent is deleted after this time, which is longer than `REFRESH_LIFETIME_SECONDS` can be. */
export const FORGET_CONSENT_SECONDS = 400 * 86_400

export type Consent = Readonly<{
  /** The exact set of scopes that the user agreed to, as `formatScopes` writes it. */
  scopes: string
  /** The URIs of the resources that the user agreed to, as `formatResources` writes them. */
  resources: string
  /** Digest of the terms that the user agreed to; empty if the consent may no longer be reused. */
  fingerprint: string
}>

/** The fingerprint of a consent that a later refusal withdrew. No digest is equal to it. */
export const WITHDRAWN_FINGERPRINT = ''

/** The page shows a client from these props only, and the fingerprint is their digest: everything shown was agreed to. */
export type ConsentTerms = Readonly<{
  client: Readonly<{
    clientId: string
    name: string
    /** The id is not shown, because an id says nothing to the user. */
    ownerId: string
    /** The username of the owner; null if the owner is no registered user. */
    ownerName: string | null
    url: string
    description: string
    /** Not shown, but part of the terms: a remembered consent would otherwise redirect to a new URI. */
    redirectUris: readonly string[]
    tosUri: string
    policyUri: string
    /** The image at the address is fetched once and stored, so the address stands for the image. */
    logoUri: string
    /** Null for a client that an operator registered. */
    selfRegistered: SelfRegistered['kind'] | null
    /** The host that the client's document proves; null if there is no document. */
    verifiedHost: string | null
    /** Not shown. Null unless the client registered itself: such a client may change its keys without an operator. */
    keys: string | null
  }>
  /** Where the response goes, in a form for people: `client.example`, `127.0.0.1:5000`, `com.example.app:`. */
  returnsTo: string
  mayRefresh: boolean
  scopes: readonly DescribedScope[]
  endorsements: readonly DescribedEndorsement[]
  /** The resources that the access is for, each with one of the scopes. Empty if the access is for no particular resource. */
  resources: readonly Readonly<{ uri: string; name: string }>[]
}>

/** What may be granted. Each of the resources has one of the scopes. */
export type Offer = Readonly<{
  scopes: readonly string[]
  endorsements: readonly string[]
  mayRefresh: boolean
  resources: readonly Resource[]
}>

export const consentTerms = (
  client: Client & ShownDetails,
  returnsTo: string,
  { scopes, endorsements, mayRefresh, resources }: Offer,
  catalogue: Catalogue,
): ConsentTerms => {
  const { clientId, name, ownerId, ownerName, url, description, redirectUris } = client
  const { tosUri, policyUri, logoUri } = client
  return {
    client: {
      ...{ clientId, name, ownerId, ownerName, url, description, redirectUris },
      ...{ tosUri, policyUri, logoUri },
      selfRegistered: client.selfRegistered?.kind ?? null,
      verifiedHost: verifiedHostOf(client),
      keys: client.selfRegistered === null ? null : client.jwks,
    },
    returnsTo,
    mayRefresh,
    scopes: scopes.map((scope) => describeScope(scope, catalogue)),
    endorsements: endorsements.map((one) => describeEndorsement(one, catalogue)),
    resources: resources.map(({ uri, name: shownName }) => ({ uri, name: shownName })),
  }
}

export const narrowedOffer = (
  offer: Offer,
  wanted: Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>,
): Offer => {
  const scopes = offer.scopes.filter((scope) => wanted.scopes.includes(scope))
  const endorsements = offer.endorsements.filter((one) => wanted.endorsements.includes(one))
  return { ...offer, scopes, endorsements, resources: resourcesWith(offer.resources, scopes) }
}

export const narrowedTerms = (
  terms: ConsentTerms,
  { scopes, endorsements, resources }: Pick<Offer, 'scopes' | 'endorsements' | 'resources'>,
): ConsentTerms => ({
  ...terms,
  scopes: terms.scopes.filter(({ scope }) => scopes.includes(scope)),
  endorsements: terms.endorsements.filter(({ endorsement }) => endorsements.includes(endorsement)),
  resources: terms.resources.filter(({ uri }) => urisOf(resources).includes(uri)),
})

/** RFC 6749 §10.2, RFC 8252 §8.6: any program on the device could pose as such a client. */
export const canBeImpersonated = (client: Client, redirectUri: string) =>
  isPublic(client) && !redirectUri.startsWith('https://')

/** May a remembered consent be reused for this client at this redirect URI? A consent to a sensitive scope may not. */
export const mayRememberConsent = (client: Client, redirectUri: string, terms: ConsentTerms) =>
  !terms.scopes.some(({ isSensitive }) => isSensitive) && !canBeImpersonated(client, redirectUri)

const LOCAL = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?:[:/?]|$)/

/** Is every address on the user's own device? Any program there could then pose as the client (RFC 8252 §8.6). */
export const isOnlyLocal = ({ redirectUris }: Pick<Client, 'redirectUris'>) =>
  redirectUris.every((uri) => LOCAL.test(uri))
