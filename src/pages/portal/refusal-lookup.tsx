/** The form that finds the cause of a refusal by its reference. */

import { TextField } from './fields.tsx'
import { clientPath } from './frame.tsx'

export type RefusalLookup = Readonly<{
  typed: string
  /** Null where no refusal of this client is kept under the reference. */
  found: Readonly<{ refusedAt: number; endpoint: string; error: string; cause: string }> | null
}>

export const ErrorCode = ({ error }: { error: string }) => (
  <a href={`/errors/${error}`}>
    <code>{error}</code>
  </a>
)

const Found = ({ found }: { found: NonNullable<RefusalLookup['found']> }) => {
  const moment = new Date(found.refusedAt * 1000).toISOString()
  return (
    <div class="notice" role="status">
      <p>
        <strong>{found.cause}</strong>
      </p>
      <dl>
        <dt>Error</dt>
        <dd>
          <ErrorCode error={found.error} />
        </dd>
        <dt>Endpoint</dt>
        <dd>
          <code dir="ltr">{found.endpoint}</code>
        </dd>
        <dt>When</dt>
        <dd>
          <time datetime={moment}>{`${moment.slice(0, 10)} ${moment.slice(11, 19)} UTC`}</time>
        </dd>
      </dl>
    </div>
  )
}

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
      {p.lookup?.found && <Found found={p.lookup.found} />}
      <div class="actions">
        <button type="submit">Look it up</button>
      </div>
    </form>
  </section>
)
