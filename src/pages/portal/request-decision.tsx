/** What an approver decides on the requests of a client: each with the sentence that users read, and why it is marked. */

import { Day, HiddenFields } from '../parts.tsx'
import { approvalPath } from './approvals-page.tsx'
import { Options, TextArea } from './fields.tsx'
import type { FrameProps, Hidden } from './frame.tsx'
import { NotDeclared, quoted, type ShownPermission } from './permissions.tsx'

/** What is asked for, as the consent page would say it. */
export type AskedFor = Readonly<{
  permission: ShownPermission
  isSensitive: boolean
  /** Names of the resources that the scope is for. */
  resources: readonly string[]
  isChecked: boolean
}>

type Props = Readonly<{
  frame: FrameProps
  client: Readonly<{ clientId: string }>
  asked: readonly AskedFor[]
  hidden: Hidden
  reason: string
  labels: Readonly<{ decide: string; reason: string }>
}>

const EARLIER = { declined: 'declined', withdrawn: 'withdrawn', taken_back: 'taken back' }

const Marked = ({ asked }: { asked: AskedFor }) => (
  <>
    {quoted(asked.permission)}
    {asked.isSensitive && (
      <>
        {' '}
        <strong class="mark sensitive">Sensitive</strong>
      </>
    )}
    <NotDeclared {...asked.permission} />
    <code>{asked.permission.value}</code>
  </>
)

const Dates = ({ asked: { permission, resources } }: { asked: AskedFor }) => (
  <>
    {resources.map((name) => (
      <>
        for <bdi>{name}</bdi>,{' '}
      </>
    ))}
    requested on <Day at={permission.requestedAt} />
    {permission.decision && (
      <>
        , before that {EARLIER[permission.decision.decision]} on{' '}
        <Day at={permission.decision.decidedAt} />
        {permission.decision.reason !== '' && (
          <>
            : <bdi>{permission.decision.reason}</bdi>
          </>
        )}
      </>
    )}
  </>
)

export const RequestDecision = (p: Props) => {
  const errors = p.frame.problem?.errors ?? {}
  return (
    <form method="post" action={approvalPath(p.client.clientId)}>
      <HiddenFields fields={p.hidden} />
      <Options
        name="decide"
        type="checkbox"
        legend={p.labels.decide}
        hint="What stands in quotation marks is what its users will read: “your” means theirs. Untick what you do not decide on now: it stays requested."
        problem={errors.decide}
        options={p.asked.map((asked) => ({
          value: `${asked.permission.kind} ${asked.permission.value}`,
          label: <Marked asked={asked} />,
          hint: <Dates asked={asked} />,
          isChecked: asked.isChecked,
        }))}
      />
      <TextArea
        name="reason"
        rows={3}
        label={p.labels.reason}
        hint="The owners read it beside what you decline."
        value={p.reason}
        problem={errors.reason}
      />
      <div class="actions">
        <button type="submit" name="act" value="decline">
          Decline
        </button>
        <button class="primary" type="submit" name="act" value="approve">
          Approve
        </button>
      </div>
    </form>
  )
}
