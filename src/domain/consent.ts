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

/** An unused consent is deleted after this time: longer than any authorization can be refreshed (`REFRESH_LIFETIME_SECONDS`). */
export const FORGET_CONSENT_SECONDS = 400 * 86_400

/** A user's latest answer to a client. */
export type Consent = Readonly<{
  /** The exact set agreed to, as `formatScopes` writes it. */
  scopes: string
  /** The URIs of the resources agreed to, as `formatResources` writes them. */
  resources: string
  /** Digest of the terms agreed to; empty if they no longer answer for the user. */
  fingerprint: string
}>

/** For a consent that a later refusal withdrew. Matches no digest. */
export const WITHDRAWN_FINGERPRINT = ''

/**
 * What a user decides on. The consent page shows a client from these props only, and the fingerprint is their digest, so
 * that everything shown is part of what was agreed to.
 */
export type ConsentTerms = Readonly<{
  client: Readonly<{
    clientId: string
    name: string
    /** Not shown: an id says nothing to the user. */
    ownerId: string
    /** The username of the owner, if the owner is a user here. */
    ownerName: string | null
    url: string
    description: string
    /** Not shown. Part of the terms, since a remembered consent would otherwise redirect to a new URI. */
    redirectUris: readonly string[]
    tosUri: string
    policyUri: string
    /** Its image is fetched once and kept, so the address stands for it. */
    logoUri: string
    /** Null for a client that an operator registered. */
    selfRegistered: SelfRegistered['kind'] | null
    /** The host that its document proves; null without a document. */
    verifiedHost: string | null
    /** Not shown. Those of a client that registered itself, which may change them without an operator. */
    keys: string | null
  }>
  /** Where the response goes, for people: `client.example`, `127.0.0.1:5000`, `com.example.app:`. */
  returnsTo: string
  /** Will the client also get a refresh token, for access while the user is away? */
  mayRefresh: boolean
  scopes: readonly DescribedScope[]
  endorsements: readonly DescribedEndorsement[]
  /** The resources that the access is for, each with one of the scopes. Empty: for none in particular. */
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

/** The offer with only the wanted scopes and endorsements. */
export const narrowedOffer = (
  offer: Offer,
  wanted: Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>,
): Offer => {
  const scopes = offer.scopes.filter((scope) => wanted.scopes.includes(scope))
  const endorsements = offer.endorsements.filter((one) => wanted.endorsements.includes(one))
  return { ...offer, scopes, endorsements, resources: resourcesWith(offer.resources, scopes) }
}

/** The terms with only what is left of the offer. */
export const narrowedTerms = (
  terms: ConsentTerms,
  { scopes, endorsements, resources }: Pick<Offer, 'scopes' | 'endorsements' | 'resources'>,
): ConsentTerms => ({
  ...terms,
  scopes: terms.scopes.filter(({ scope }) => scopes.includes(scope)),
  endorsements: terms.endorsements.filter(({ endorsement }) => endorsements.includes(endorsement)),
  resources: terms.resources.filter(({ uri }) => urisOf(resources).includes(uri)),
})

/**
 * A public client with a loopback or private-use URI: any program on the device could pose as the client (RFC 6749 §10.2,
 * RFC 8252 §8.6).
 */
export const canBeImpersonated = (client: Client, redirectUri: string) =>
  isPublic(client) && !redirectUri.startsWith('https://')

/** May a remembered consent answer for this client at this redirect URI? Not to a sensitive scope. */
export const mayRememberConsent = (client: Client, redirectUri: string, terms: ConsentTerms) =>
  !terms.scopes.some(({ isSensitive }) => isSensitive) && !canBeImpersonated(client, redirectUri)

const LOCAL = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?:[:/?]|$)/

/** Is every address of the client on the user's own device? Then any program there could pose as it (RFC 8252 §8.6). */
export const isOnlyLocal = ({ redirectUris }: Pick<Client, 'redirectUris'>) =>
  redirectUris.every((uri) => LOCAL.test(uri))
