/** What became of each permission of a client, with dates and reasons. */

import { Day, Mark } from '../parts.tsx'

type PermissionState = 'authorized' | 'requested' | 'declined' | 'withdrawn' | 'taken_back'

/** Instants in epoch seconds. */
export type ShownPermission = Readonly<{
  kind: 'scope' | 'grant_type' | 'endorsement'
  value: string
  sentence: string
  /** Nothing declared describes it. */
  isUndeclared: boolean
  state: PermissionState
  requestedAt: number
  authorizedAt: number | null
  /** What was decided last, which may be before a new request; null if nothing was. */
  decision: Readonly<{
    decision: 'declined' | 'withdrawn' | 'taken_back'
    decidedAt: number
    reason: string
  }> | null
}>

/** The sentences of scopes and endorsements are those of the consent page, so they are quoted here. */
export const quoted = ({ kind, sentence }: Pick<ShownPermission, 'kind' | 'sentence'>) =>
  kind === 'grant_type' ? sentence : `“${sentence}”`

export const SentencesNote = () => (
  <p class="small muted">
    Sentences in quotation marks are what users read when a client asks them: “your” means the
    user's.
  </p>
)

const WORDS: Readonly<Record<PermissionState, string>> = {
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
        {WORDS[decision.decision]} on <Day at={decision.decidedAt} />
      </>
    )}
  </p>
)

export const NotDeclared = ({ isUndeclared }: Pick<ShownPermission, 'isUndeclared'>) =>
  isUndeclared ? <Mark kind="sensitive">Not declared</Mark> : null

const Permission = (p: { permission: ShownPermission }) => {
  const { value, state, decision } = p.permission
  return (
    <li>
      {quoted(p.permission)} <strong class={`mark ${state}`}>{WORDS[state]}</strong>
      <NotDeclared {...p.permission} />
      <code>{value}</code>
      <Dates {...p.permission} />
      {decision && decision.reason !== '' && (
        <blockquote dir="auto">
          <p>{decision.reason}</p>
        </blockquote>
      )}
    </li>
  )
}

/** Is there one that users read? */
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
          <Permission permission={permission} />
        ))}
      </ul>
    </>
  )
