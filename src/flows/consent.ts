/** What a user agrees to, on this consent page or on an earlier one. */

import { digest } from '../crypto/digest.ts'
import { accessTokenLifetimeOf, type RefreshPolicy } from '../domain/client.ts'
import {
  type ConsentTerms,
  mayRememberConsent,
  narrowedOffer,
  narrowedTerms,
  type Offer,
  WITHDRAWN_FINGERPRINT,
} from '../domain/consent.ts'
import { longestTokenSeconds } from '../domain/registry-scopes.ts'
import { formatResources, lifetimeFor, urisOf } from '../domain/resource.ts'
import { formatScopes, splitScopes } from '../domain/scope.ts'
import type { User } from '../domain/user.ts'
import { consentFormBytes } from '../protocol/consent-form.ts'
import { OAuthError } from '../protocol/errors.ts'
import { type Fields, MAX_FORM_BYTES } from '../protocol/fields.ts'
import type { Interaction } from '../protocol/interaction.ts'
import type { GivenConsent } from '../stores/authorizations.ts'
import type { Permissions } from '../stores/scope-catalogue.ts'
import type { Standing } from '../stores/users.ts'
import type { Deps } from './deps.ts'
import type { IdentifiedClient } from './identify-client.ts'

export type ConsentAnswer =
  /** `shown` is the fingerprint of the terms on the page that was answered. */
  | Readonly<{ kind: 'given'; confirmed: boolean; ticked: Permissions; shown: string }>
  /** The form was made for another browser session, so the answer does not count. */
  | Readonly<{ kind: 'out_of_date'; refusal: OAuthError }>

export type Agreement = Offer & Readonly<{ consent: GivenConsent | null }>

export type ConsentQuestion = Readonly<{
  terms: ConsentTerms
  /** The scopes that an earlier consent allows already. The user decides only on the others. */
  allowed: readonly string[]
  /** Scopes that the user agreed to last time; null if there was none, or if the page shows them as allowed. */
  lastTime: readonly string[] | null
  /** How long the client has access after one answer. */
  accessSeconds: number
  /** The digest of what the page shows. */
  fingerprint: string
  /** Why the page asks again; null if it asks for the first time. */
  again: Readonly<{ kind: 'changed' }> | Extract<ConsentAnswer, { kind: 'out_of_date' }> | null
}>

type Decided =
  | Readonly<{ kind: 'agreed'; agreement: Agreement }>
  | Readonly<{ kind: 'ask'; question: ConsentQuestion }>

/** The value that stands for a term in consents that are older than the term. */
const ABSENT: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...['isSensitive', 'mayRefresh'].map((name) => [name, false] as const),
  ...['ownerName', 'selfRegistered', 'verifiedHost', 'keys'].map((name) => [name, null] as const),
  ...['tosUri', 'policyUri', 'logoUri'].map((name) => [name, ''] as const),
])

/**
 * The fingerprint leaves out terms that have their value of `ABSENT`, and an empty list of resources. So consents that are
 * older than these terms and resources are still valid. The fingerprint includes whether the client gets a refresh token if
 * the client must ask for one, because the client may later ask for more than before.
 */
const fingerprintOf = ({ resources, ...terms }: ConsentTerms, policy: RefreshPolicy) =>
  digest(
    JSON.stringify(
      {
        ...terms,
        endorsements: terms.endorsements.map(({ sentence }) => sentence),
        ...(resources.length > 0 && { resources }),
      },
      (name, value: unknown) => {
        if (name === 'mayRefresh' && policy === 'always') return undefined
        return ABSENT.has(name) && ABSENT.get(name) === value ? undefined : value
      },
    ),
  )

type Case = Readonly<{
  fields: Fields
  identified: IdentifiedClient
  user: User
  offered: Offer
  terms: ConsentTerms
  standing: Standing
  answer: ConsentAnswer | null
  interaction: Interaction
}>

type Lifetimes = Pick<Deps, 'sessionLifetimeSeconds' | 'refreshLifetimeSeconds'>
type Settled = Lifetimes & Pick<Deps, 'authorizations' | 'issueRefreshTokens'>

/**
 * Throws `access_denied` if the user refused, `consent_required` if the page may not be shown, and `invalid_request` if no
 * answer would fit into a form.
 */
export async function agree(asked: Case, deps: Settled): Promise<Decided> {
  const { offered, terms, standing, answer, interaction } = asked
  const whole = await fingerprintOf(terms, deps.issueRefreshTokens)
  const allowed = await allowedBefore(asked, deps.issueRefreshTokens)
  const fingerprint = allowed.length === 0 ? whole : await digest(JSON.stringify([whole, allowed]))
  const isFirst = allowed.length > 0 || standing.consent === null
  const lastTime = isFirst ? null : splitScopes(standing.consent.scopes)
  const accessSeconds = accessSecondsOf(asked, deps)
  const shown = { terms, allowed, lastTime, accessSeconds, fingerprint }
  if (answer?.kind === 'given') {
    if (!answer.confirmed) return refuse(asked, 'the user pressed Cancel', deps)
    if (answer.shown !== fingerprint) return ask(asked, shown, { kind: 'changed' })
    // The user is asked for endorsements only together with the first scopes, because `allowed` was remembered with all
    // endorsements.
    const agreed = narrowedOffer(offered, {
      scopes: [...allowed, ...answer.ticked.scopes],
      endorsements: allowed.length > 0 ? offered.endorsements : answer.ticked.endorsements,
    })
    if (agreed.scopes.length === 0) return refuse(asked, 'nothing was left ticked', deps)
    return agreedNow(asked, agreed, deps)
  }
  const { client, redirect } = asked.identified
  const mayRemember = mayRememberConsent(client, redirect, terms) && !interaction.asksAgain
  const isRemembered = standing.consent?.fingerprint === whole
  if (answer === null && mayRemember && isRemembered) {
    return { kind: 'agreed', agreement: { ...offered, consent: null } }
  }
  return ask(asked, shown, answer)
}

/**
 * For a request for more than the remembered consent: the scopes of that consent, if it would be enough for a request for
 * these scopes alone. Otherwise the list is empty, and the user decides on all scopes.
 */
async function allowedBefore(
  { identified: { client, redirect }, offered, terms, standing, interaction }: Case,
  policy: RefreshPolicy,
): Promise<readonly string[]> {
  const { consent } = standing
  const consented = splitScopes(consent?.scopes ?? '')
  const asksForMore = consented.length < offered.scopes.length
  if (!consent || !asksForMore || interaction.asksAgain) return []
  // A consent to a scope that is not offered has another fingerprint.
  const before = narrowedTerms(terms, narrowedOffer(offered, { ...offered, scopes: consented }))
  const answers =
    mayRememberConsent(client, redirect, before) &&
    consent.fingerprint === (await fingerprintOf(before, policy))
  return answers ? consented : []
}

function accessSecondsOf(
  { identified: { client }, offered: { mayRefresh, scopes, resources } }: Case,
  { sessionLifetimeSeconds, refreshLifetimeSeconds }: Lifetimes,
): number {
  if (mayRefresh) return refreshLifetimeSeconds
  const longest = longestTokenSeconds(scopes, sessionLifetimeSeconds)
  return lifetimeFor(resources, accessTokenLifetimeOf(client, longest))
}

const exactly = ({ scopes, resources }: Offer) => ({
  scopes: formatScopes(scopes),
  resources: formatResources(urisOf(resources)),
})

async function agreedNow(
  { offered, terms }: Case,
  agreed: Offer,
  { issueRefreshTokens }: Pick<Deps, 'issueRefreshTokens'>,
): Promise<Decided> {
  // The consent is kept even if it may not be reused, so that the user can see and remove what was allowed.
  const consent = {
    ...exactly(agreed),
    fingerprint: await fingerprintOf(narrowedTerms(terms, agreed), issueRefreshTokens),
    declined: offered.scopes.filter((scope) => !agreed.scopes.includes(scope)),
  }
  return { kind: 'agreed', agreement: { ...agreed, consent } }
}

/** Withdraws the remembered consent if the user refuses what it allows. It stays if the user refuses other scopes. */
async function refuse(
  { identified, user, offered, standing }: Case,
  detail: string,
  deps: Pick<Deps, 'authorizations'>,
): Promise<never> {
  const { consent } = standing
  const { scopes, resources } = exactly(offered)
  const isSameQuestion = consent?.scopes === scopes && consent.resources === resources
  if (isSameQuestion && consent?.fingerprint !== WITHDRAWN_FINGERPRINT) {
    await deps.authorizations.withdrawConsent(user.userId, identified.client.clientId)
  }
  throw new OAuthError('access_denied', 'The user refused.', { detail })
}

/** A page whose answer would not fit into a form is not shown. */
function ask(
  { fields, offered, interaction }: Case,
  shown: Omit<ConsentQuestion, 'again'>,
  again: ConsentQuestion['again'],
): Decided {
  if (interaction.isSilent) {
    throw new OAuthError('consent_required', 'The user must consent, which needs a page.')
  }
  const bytes = consentFormBytes(fields, shown.fingerprint, offered)
  if (bytes <= MAX_FORM_BYTES) return { kind: 'ask', question: { ...shown, again } }
  throw new OAuthError(
    'invalid_request',
    'The request is too long for a consent page: request fewer scopes, or send a shorter state.',
    { detail: `the answer would have ${bytes} bytes` },
  )
}
