/** The form that finds the cause of a refusal by its reference, and the link to the page that removes a cause. */

import { Moment, Row, Submit } from '../parts.tsx'
import { TextField } from './fields.tsx'
import { clientPath } from './frame.tsx'

/** The page of the client on which an owner changes what failed. */
export type Remedy = 'secrets' | 'keys' | 'permissions' | 'edit'

const REMEDIES: Readonly<Record<Remedy, readonly [aim: string, page: string]>> = {
  secrets: ['To make a new secret', 'Secrets'],
  keys: ['To see or change the keys that are accepted', 'Keys'],
  permissions: ['To see what it may use, or to ask for more', 'Permissions'],
  edit: ['To register another redirect URI', 'Edit'],
}

/** Nothing is shown if only the request can be changed. */
export const Remedied = ({ remedy, clientId }: { remedy: Remedy | null; clientId: string }) => {
  if (remedy === null) return null
  const [aim, page] = REMEDIES[remedy]
  return (
    <p>
      {aim}, go to <a href={clientPath(clientId, remedy)}>{page}</a>.
    </p>
  )
}

export type RefusalLookup = Readonly<{
  typed: string
  /** Null if no refusal of this client is stored under the reference. */
  found: Readonly<{
    refusedAt: number
    endpoint: string
    error: string
    cause: string
    remedy: Remedy | null
  }> | null
}>

export const ErrorCode = ({ error }: { error: string }) => (
  <a href={`/errors/${error}`}>
    <code>{error}</code>
  </a>
)

type LookedUp = Readonly<{ found: NonNullable<RefusalLookup['found']>; clientId: string }>

const Found = ({ found, clientId }: LookedUp) => (
  <div class="notice" role="status">
    <p>
      <strong>{found.cause}</strong>
    </p>
    <Remedied remedy={found.remedy} clientId={clientId} />
    <dl>
      <Row term="Error">
        <ErrorCode error={found.error} />
      </Row>
      <Row term="Endpoint">
        <code dir="ltr">{found.endpoint}</code>
      </Row>
      <Row term="When">
        <Moment at={found.refusedAt} hasSeconds />
      </Row>
    </dl>
  </div>
)

export const RefusalLookupForm = (p: { clientId: string; lookup: RefusalLookup | null }) => (
  <section>
    <h2>Why was a request refused?</h2>
    <form method="get" action={clientPath(p.clientId, 'check')}>
      <TextField
        name="reference"
        label="Reference"
        hint="The header X-Correlation-Id of the answer, or the reference on the error page. It is kept for one day."
        value={p.lookup?.typed ?? ''}
        problem={
          p.lookup !== null && p.lookup.found === null
            ? 'No refusal of this client is recorded under this reference.'
            : undefined
        }
      />
      {p.lookup?.found && <Found found={p.lookup.found} clientId={p.clientId} />}
      <Submit isMinor>Look it up</Submit>
    </form>
  </section>
)
