/** Who owns a client. */

import { HiddenFields } from '../parts.tsx'
import { TextField } from './fields.tsx'
import { clientPath, type FrameProps, type Hidden, PortalFrame } from './frame.tsx'

export type OwnersProps = Readonly<{
  frame: FrameProps
  clientId: string
  name: string
  /** The first owner first. `name`: the username, or the id where it is not known. */
  owners: readonly Readonly<{
    userId: string
    name: string
    isYou: boolean
    /** The form that removes this owner; null where the visitor may not. */
    removal: Hidden | null
  }>[]
  hidden: Hidden
  typed: string
  label: string
}>

const Owner = (p: { owner: OwnersProps['owners'][number]; action: string; isFirst: boolean }) => {
  const { name, isYou, removal } = p.owner
  return (
    <li>
      <strong>
        <bdi>{name}</bdi>
      </strong>
      {isYou && ' (you)'}
      {p.isFirst && <span class="muted">, the first owner</span>}
      {removal && (
        <form method="post" action={p.action}>
          <HiddenFields fields={removal} />
          <button class="plain" type="submit">
            Remove <bdi>{name}</bdi>
          </button>
        </form>
      )}
    </li>
  )
}

export const OwnersPage = (p: OwnersProps) => {
  const action = clientPath(p.clientId, 'owners')
  return (
    <PortalFrame {...p.frame} title="Owners" about={p.name}>
      <p class="lead">
        Every owner may edit the client, make secrets, disable and delete it. The consent page names
        the first owner, who alone can remove another.
      </p>
      <ul class="listed">
        {p.owners.map((owner, index) => (
          <Owner owner={owner} action={action} isFirst={index === 0} />
        ))}
      </ul>
      <form method="post" action={action}>
        <HiddenFields fields={[...p.hidden, ['act', 'add']]} />
        <TextField
          name="owner"
          label={p.label}
          hint="The username of someone who uses this registry. They see the client among their own at once, and can leave."
          value={p.typed}
          problem={p.frame.problem?.errors.owner}
        />
        <div class="actions">
          <button class="primary" type="submit">
            Name as an owner
          </button>
        </div>
      </form>
      {p.owners.length > 1 && (
        <p>
          <a href={clientPath(p.clientId, 'leave')}>Leave this client</a>
        </p>
      )}
      <p>
        <a href={clientPath(p.clientId)}>Back to the client</a>
      </p>
    </PortalFrame>
  )
}
