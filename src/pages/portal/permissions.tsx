/** The state of each permission of a client, with dates and reasons. */

import type { Decision, Permission } from '../../domain/client.ts'
import { Day, Mark, Quotation } from '../parts.tsx'

type PermissionState = 'authorized' | 'requested' | Decision['decision']

export type ShownPermission = Permission &
  Readonly<{
    sentence: string
    /** True if no declaration describes the permission. */
    isUndeclared: boolean
    state: PermissionState
    /** The last decision, which may be older than a new request; null if there was none. */
    decision: Pick<Decision, 'decision' | 'decidedAt' | 'reason'> | null
  }>

/** The sentences of scopes and endorsements are those of the consent page, so they are quoted here. */
export const shownSentence = ({ kind, sentence }: Pick<ShownPermission, 'kind' | 'sentence'>) =>
  kind === 'grant_type' ? sentence : `“${sentence}”`

export const SentencesNote = () => (
  <p class="small muted">
    Sentences in quotation marks are what users read when a client asks them: “your” means the
    user's.
  </p>
)

export const STATES: Readonly<Record<PermissionState, string>> = {
  authorized: 'authorized',
  requested: 'requested',
  declined: 'declined',
  withdrawn: 'withdrawn',
  taken_back: 'taken back',
}

const Dates = ({ state, requestedAt, authorizedAt, decision }: ShownPermission) => (
  <p class="small muted">
    requested on <Day at={requestedAt} />
    {authorizedAt !== null && (
      <>
        , authorized on <Day at={authorizedAt} />
      </>
    )}
    {decision && (
      <>
        , {state === 'authorized' || state === 'requested' ? 'before that ' : ''}
        {STATES[decision.decision]} on <Day at={decision.decidedAt} />
      </>
    )}
  </p>
)

export const NotDeclared = ({ isUndeclared }: Pick<ShownPermission, 'isUndeclared'>) =>
  isUndeclared ? <Mark kind="sensitive">Not declared</Mark> : null

const PermissionItem = (p: { permission: ShownPermission }) => {
  const { value, state, decision } = p.permission
  return (
    <li>
      {shownSentence(p.permission)} <strong class={`mark ${state}`}>{STATES[state]}</strong>
      <NotDeclared {...p.permission} />
      <code>{value}</code>
      <Dates {...p.permission} />
      <Quotation text={decision?.reason ?? ''} />
    </li>
  )
}

/** Is there a permission whose sentence users read? */
export const hasSentences = (permissions: readonly ShownPermission[]) =>
  permissions.some(({ kind }) => kind !== 'grant_type')

export const PermissionList = (p: { permissions: readonly ShownPermission[] }) =>
  p.permissions.length === 0 ? (
    <p class="muted">It has no permissions, and has asked for none.</p>
  ) : (
    <>
      {hasSentences(p.permissions) && <SentencesNote />}
      <ul class="listed permissions">
        {p.permissions.map((permission) => (
          <PermissionItem permission={permission} />
        ))}
      </ul>
    </>
  )
