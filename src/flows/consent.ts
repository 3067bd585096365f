/** What a user agrees to, on the consent page now or on one before. */

import { digest } from '../crypto/digest.ts'
import type { RefreshPolicy } from '../domain/client.ts'
import {
  type ConsentTerms,
  mayRememberConsent,
  narrowedTerms,
  WITHDRAWN_FINGERPRINT,
} from '../domain/consent.ts'
import { formatScopes } from '../domain/scope.ts'
import type { User } from '../domain/user.ts'
import { consentFormBytes } from '../protocol/consent-form.ts'
import { OAuthError } from '../protocol/errors.ts'
import { type Fields, MAX_FORM_BYTES } from '../protocol/fields.ts'
import type { GivenConsent, Standing } from '../stores/ports.ts'
import type { IdentifiedClient } from './authorize.ts'
import type { Deps } from './deps.ts'

/** What the user answered to the consent page. */
export type ConsentAnswer =
  /** `shown` is the fingerprint of the terms on the page that was answered. */
  | Readonly<{ kind: 'given'; confirmed: boolean; ticked: readonly string[]; shown: string }>
  /** The form was made for another browser session, so its answer does not count. */
  | Readonly<{ kind: 'out_of_date'; refusal: OAuthError }>

type Permissions = Readonly<{ scopes: readonly string[]; endorsements: readonly string[] }>
export type Offer = Permissions & Readonly<{ mayRefresh: boolean }>
export type Agreement = Permissions & Readonly<{ consent: GivenConsent | null }>

/** What the page asks. */
export type ConsentQuestion = Readonly<{
  terms: ConsentTerms
  fingerprint: string
  /** Why it asks again, or null. */
  again: Readonly<{ kind: 'changed' }> | Extract<ConsentAnswer, { kind: 'out_of_date' }> | null
}>

type Decided =
  | Readonly<{ kind: 'agreed'; agreement: Agreement }>
  | Readonly<{ kind: 'ask'; question: ConsentQuestion }>

/**
 * Without the mark that a scope is not sensitive, so that consents from before scopes were marked still answer. Whether a
 * refresh token comes with it counts where the client must ask for one: the client may then ask for more than before.
 */
const fingerprintOf = (terms: ConsentTerms, policy: RefreshPolicy) =>
  digest(
    JSON.stringify(terms, (name, value: unknown) => {
      if (name === 'mayRefresh' && policy === 'always') return undefined
      const isMark = name === 'isSensitive' || name === 'mayRefresh'
      return isMark && value === false ? undefined : value
    }),
  )

type Case = Readonly<{
  fields: Fields
  identified: IdentifiedClient
  user: User
  offered: Offer
  terms: ConsentTerms
  standing: Standing
  answer: ConsentAnswer | null
}>

/** Throws `access_denied` when the user refused, and `invalid_request` when no answer would fit into a form. */
export async function agree(
  asked: Case,
  deps: Pick<Deps, 'authorizations' | 'issueRefreshTokens'>,
): Promise<Decided> {
  const { offered, terms, standing, answer } = asked
  const fingerprint = await fingerprintOf(terms, deps.issueRefreshTokens)
  if (answer?.kind === 'given') {
    if (!answer.confirmed) return refuse(asked, 'the user pressed Cancel', deps)
    if (answer.shown !== fingerprint) return ask(asked, fingerprint, { kind: 'changed' })
    const scopes = offered.scopes.filter((scope) => answer.ticked.includes(scope))
    if (scopes.length === 0) return refuse(asked, 'nothing was left ticked', deps)
    return agreedNow(asked, scopes, deps)
  }
  const { client, redirect } = asked.identified
  const mayRemember = mayRememberConsent(client, redirect, terms)
  const isRemembered = standing.consent?.fingerprint === fingerprint
  if (answer === null && mayRemember && isRemembered) {
    return { kind: 'agreed', agreement: { ...offered, consent: null } }
  }
  return ask(asked, fingerprint, answer)
}

async function agreedNow(
  { offered, terms }: Case,
  scopes: readonly string[],
  { issueRefreshTokens }: Pick<Deps, 'issueRefreshTokens'>,
): Promise<Decided> {
  // Kept even where it may not be reused: the user sees by it what was allowed, and can remove it.
  const consent = {
    scopes: formatScopes(scopes),
    fingerprint: await fingerprintOf(narrowedTerms(terms, scopes), issueRefreshTokens),
    declined: offered.scopes.filter((scope) => !scopes.includes(scope)),
  }
  return { kind: 'agreed', agreement: { scopes, endorsements: offered.endorsements, consent } }
}

/**
 * A refusal of the scopes that the remembered consent allows takes that consent back. A refusal of other scopes leaves
 * it.
 */
async function refuse(
  { identified, user, offered, standing }: Case,
  detail: string,
  deps: Pick<Deps, 'authorizations'>,
): Promise<never> {
  const { consent } = standing
  const isSameQuestion = consent?.scopes === formatScopes(offered.scopes)
  if (isSameQuestion && consent?.fingerprint !== WITHDRAWN_FINGERPRINT) {
    await deps.authorizations.withdrawConsent(user.userId, identified.client.clientId)
  }
  throw new OAuthError('access_denied', 'The user refused.', { detail })
}

/** A page whose answer would not fit into a form is not shown. */
function ask(
  { fields, offered, terms }: Case,
  fingerprint: string,
  again: ConsentQuestion['again'],
): Decided {
  const bytes = consentFormBytes(fields, fingerprint, offered.scopes)
  if (bytes <= MAX_FORM_BYTES) return { kind: 'ask', question: { terms, fingerprint, again } }
  throw new OAuthError(
    'invalid_request',
    'The request is too long for a consent page: request fewer scopes, or send a shorter state.',
    { detail: `the answer would have ${bytes} bytes` },
  )
}
