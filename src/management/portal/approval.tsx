/** `/approvals/{id}`: an approver sees one client and decides on its requests. */

import type { ClientRecord } from '../../domain/client.ts'
import { listingStateOf } from '../../domain/directory.ts'
import { looksLike } from '../../domain/fold-text.ts'
import { REGISTRY_TOKEN_SECONDS } from '../../domain/registry-scopes.ts'
import { logoPath } from '../../domain/shown-client.ts'
import { authorizeClient, withdrawFromClient } from '../../flows/registration/clients.ts'
import { approverActor } from '../../flows/registration/deciding.ts'
import { declineListing, listClient } from '../../flows/registration/listings.ts'
import { loginAddress } from '../../http/next-page.ts'
import { ApprovalPage, NoClientPage } from '../../pages/portal/approval-page.tsx'
import { approvalPath } from '../../pages/portal/approvals-page.tsx'
import { DECISION_LABELS, type ShownListing } from '../../pages/portal/decisions.tsx'
import type { ShownPermission } from '../../pages/portal/permissions.tsx'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import type { ShownClient } from '../../stores/approvals.ts'
import type { OwnClient } from '../../stores/shown-client.ts'
import { withPublishedKeys } from '../fetched.ts'
import { asSentence } from '../page.ts'
import { askedFor, changesOf, readDecision, readReason, whyNot } from './approval-view.ts'
import { approverPage, onlyApprovers } from './approvals.tsx'
import { attempt, formHead, type Refused } from './attempt.ts'
import { nameOf } from './clients.tsx'
import { type Done, doneIn } from './done.ts'
import { shownEntry } from './history-view.ts'
import { catalogueOf, shownPermissions } from './permission-view.ts'
import { type Read, reopened, sendPortalPage, type Visit } from './portal-page.tsx'

const FORM = 'decide'
const LISTING_FORM = 'decide_listing'
/** A refusal that names a list of permissions is shown at the boxes. */
const ALIASES = { scopes: 'decide', grant_types: 'decide', endorsements: 'decide' }

const CAME_TOO_LATE = {
  sentence:
    'Nothing was changed, because the client has been changed since you opened the page. What happened since is below.',
  errors: {},
}

const SIGNED_IN_LONG_AGO = `you signed in more than ${REGISTRY_TOKEN_SECONDS / 60} minutes ago: sign in again to decide`

type Found = ShownClient
type Shown = Readonly<{
  refused?: Refused
  form?: URLSearchParams
  /** Entries after this one are new to the visitor. */
  seen?: number
}>

const read: Read<Found> = ({ approvals, visitor, c }) =>
  approvals.client(visitor, c.req.param('client_id') ?? '')

function showNone(visit: Visit<Found>) {
  const clientId = visit.c.req.param('client_id') ?? ''
  const history = visit.found.history.map(shownEntry(visit.user, clientId))
  return sendPortalPage(visit, { status: 404 }, (frame) => (
    <NoClientPage frame={frame} history={history} />
  ))
}

/** The form has the newest entry of the history. Later entries are new to a visitor whose form came too late. */
const formOf = (visit: Visit<Found>, form: string, { clientId, version }: ClientRecord) =>
  formHead(visit, approvalPath(clientId), { form, id: clientId, version }, [
    ['seen', String(visit.found.history[0]?.auditId ?? 0)],
  ])

async function listingOf(visit: Visit<Found>, client: ClientRecord): Promise<ShownListing | null> {
  const { branding, settings } = visit.deps
  if (!settings.hasDirectory || client.listing === null) return null
  return {
    ...client.listing,
    isLookAlike: looksLike(client.name, branding.serviceName),
    form: await formOf(visit, LISTING_FORM, client),
  }
}

function showClient(
  visit: Visit<Found>,
  { client, owners, offers, logo }: OwnClient,
  { refused, form, seen }: Shown,
) {
  const { c, found, user } = visit
  const notice =
    seen === undefined
      ? (refused ?? { done: doneIn(c.req.query('done')) })
      : { problem: CAME_TOO_LATE, status: 409 }
  const permissions = shownPermissions(client, catalogueOf(found))
  const isAsked = ({ state }: ShownPermission) => state === 'requested'
  const since = seen === undefined ? [] : found.history.filter(({ auditId }) => auditId > seen)
  const signInAddress = signInAgainAddress(visit)
  return sendPortalPage(visit, notice, async (frame) => (
    <ApprovalPage
      frame={frame}
      client={client}
      owners={owners.filter(({ userId }) => userId !== '').map((one) => nameOf(one, user))}
      offers={offers.map((one) => ({ ...one, name: nameOf(one, user) }))}
      logoPath={logoPath(logo)}
      asked={askedFor(found, permissions.filter(isAsked), form?.getAll('decide') ?? null)}
      held={permissions.filter((one) => !isAsked(one))}
      changes={changesOf(client)}
      history={found.history.map(shownEntry(user, client.clientId))}
      since={since.map(shownEntry(user, client.clientId))}
      whyNot={signInAddress === null ? whyNot(client, user.userId) : asSentence(SIGNED_IN_LONG_AGO)}
      signInAddress={signInAddress}
      form={await formOf(visit, FORM, client)}
      listing={await listingOf(visit, client)}
      typed={{
        reason: form?.get('reason') ?? '',
        listing_reason: form?.get('listing_reason') ?? '',
      }}
    />
  ))
}

const show = (visit: Visit<Found>, shown: Shown = {}) =>
  visit.found.client === null ? showNone(visit) : showClient(visit, visit.found.client, shown)

/**
 * The address at which an approver from an accounts service signs in again. The session has the scopes that the user held at
 * the sign-in, so the user may decide only as long as an access token with such a scope would live. Null for a user of the
 * registry, and after a recent sign-in.
 */
function signInAgainAddress({ c, deps: { issuer, settings }, session, found }: Visit<Found>) {
  if (found.approverVersion !== null) return null
  const heldAtMs = Date.parse(session.record.start_time)
  if (c.var.request.nowMs - heldAtMs <= REGISTRY_TOKEN_SECONDS * 1000) return null
  return `${loginAddress(c.req.path, issuer, settings.loginUrl)}&prompt=login`
}

const actOfApprover = ({ c, deps, user, found }: Visit<Found>) => ({
  actor: approverActor(user.userId, found.approverVersion),
  now: c.var.request.now,
  ports: deps.ports,
})

async function decide(
  visit: Visit<Found>,
  client: ClientRecord,
  form: URLSearchParams,
  version: number,
) {
  const { clientId } = client
  const { how, lists, reason } = readDecision(form, client)
  const act = actOfApprover(visit)
  if (how === 'decline') {
    return withdrawFromClient(act, clientId, { ...lists, reason }, version)
  }
  return withPublishedKeys(await authorizeClient(act, clientId, lists, version), visit.deps)
}

/** What the page says after the decision. */
const LISTED: ReadonlyMap<string, Done> = new Map([
  ['list', 'listed'],
  ['unlist', 'listing_declined'],
])

async function decideListing(
  visit: Visit<Found>,
  { clientId }: ClientRecord,
  form: URLSearchParams,
  version: number,
) {
  const act = actOfApprover(visit)
  if (form.get('act') === 'list') return listClient(act, clientId, version)
  return declineListing(act, clientId, readReason(form, 'listing_reason'), version)
}

/** The client, or the approver's own record, was changed or deleted while the form was being sent. */
function whetherLate(cause: unknown): 'late' {
  const isLate =
    cause instanceof RegistrationError && (cause.kind === 'stale' || cause.kind === 'not_found')
  if (isLate) return 'late'
  throw cause
}

/** Does the client still wait for a decision? If so, its page is shown again, and otherwise the queue. */
const isLeft = ({ deps }: Visit<Found>, { permissions, listing }: ClientRecord) =>
  permissions.some(({ authorizedAt }) => authorizedAt === null) ||
  (deps.settings.hasDirectory && listing !== null && listingStateOf(listing) === 'requested')

const idIn = (text: string | null) => (/^\d{1,15}$/.test(text ?? '') ? Number(text) : 0)

export const approvalPage = approverPage<Found>({
  path: '/approvals/:client_id',
  read,
  get: (visit) => show(visit),
  async post(visit, form) {
    const { client } = visit.found.client ?? {}
    if (!client) return showNone(visit)
    const { clientId } = client
    const listed = visit.deps.settings.hasDirectory ? LISTED.get(form.get('act') ?? '') : undefined
    const [name, change] = listed === undefined ? [FORM, decide] : [LISTING_FORM, decideListing]
    const asked = { form: name, id: clientId, labels: DECISION_LABELS, aliases: ALIASES }
    const attempted = await attempt(visit, form, asked, async (version) => {
      if (signInAgainAddress(visit) !== null) {
        throw new RegistrationError('forbidden', SIGNED_IN_LONG_AGO)
      }
      // The form has a meaning only for the version of the client that it was shown for.
      if (version !== client.version) return 'late'
      return change(visit, client, form, version).catch(whetherLate)
    })
    if (attempted.kind === 'refused') return show(visit, { refused: attempted, form })
    const { done } = attempted
    if (done === 'late') {
      const late = { form, seen: idIn(form.get('seen')) }
      const again = onlyApprovers<Found>((now) => show(now, late))
      return reopened(visit, form, read, again)
    }
    const word = listed ?? (form.get('act') === 'decline' ? 'declined' : 'approved')
    const next = isLeft(visit, done.record) ? approvalPath(clientId) : '/approvals'
    return visit.c.redirect(`${next}?done=${word}`, 303)
  },
})
