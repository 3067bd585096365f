/** The request checker: what was pasted, which checks passed and failed, and why a request was refused. */

import { HiddenFields } from '../parts.tsx'
import { TextArea, TextField } from './fields.tsx'
import { clientPath, type FrameProps, type Hidden, PortalFrame } from './frame.tsx'

type Value = string | Readonly<{ same: string; differs: string }>
type Shown = Readonly<{ name: string; value: string | null; hidden: number }>

export type CheckedRequest = Readonly<{
  verdict: string
  steps: readonly Readonly<{ says: string; state: 'passed' | 'failed' | 'not_reached' }>[]
  /** `answer`: what the registry would answer; null where it would not be asked. */
  failure: Readonly<{
    answer: Readonly<{ error: string; status: number; description: string }> | null
    causes: readonly string[]
    facts: readonly Readonly<{ name: string; values: readonly Value[]; isProse?: boolean }>[]
  }> | null
  shown: Readonly<{
    method: string
    address: string
    headers: readonly Shown[]
    parameters: readonly Shown[]
    more: number
  }>
  notes: readonly string[]
  text: string
}>

/** `found` is null for a refusal of others, as for one that is not kept. */
export type RefusalLookup = Readonly<{
  typed: string
  found: Readonly<{ refusedAt: number; endpoint: string; error: string; cause: string }> | null
}>

export type CheckPageProps = Readonly<{
  frame: FrameProps
  clientId: string
  name: string
  hidden: Hidden
  /** Null before the first check. */
  checked: CheckedRequest | null
  /** Null if none was looked up. */
  lookup: RefusalLookup | null
}>

const STATES = { passed: 'passed', failed: 'failed', not_reached: 'not reached' } as const

const Shown = ({ value, isProse }: { value: Value; isProse: boolean }) =>
  typeof value === 'string' && isProse ? (
    <bdi>{value}</bdi>
  ) : typeof value === 'string' ? (
    <code dir="ltr">{value}</code>
  ) : (
    <code dir="ltr">
      {value.same}
      <mark>{value.differs === '' ? '(ends here)' : value.differs}</mark>
    </code>
  )

const ErrorCode = ({ error }: { error: string }) => (
  <a href={`/errors/${error}`}>
    <code>{error}</code>
  </a>
)

const FailureDetails = ({ failure }: { failure: NonNullable<CheckedRequest['failure']> }) => (
  <div class="why">
    {failure.answer && (
      <p>
        {failure.answer.description}{' '}
        <span class="small">
          (<ErrorCode error={failure.answer.error} />, status {failure.answer.status})
        </span>
      </p>
    )}
    {failure.causes.map((cause) => (
      <p>
        <strong>{cause}</strong>
      </p>
    ))}
    {failure.facts.length > 0 && (
      <dl>
        {failure.facts.map(({ name, values, isProse = false }) => (
          <>
            <dt>{name}</dt>
            {values.map((value) => (
              <dd>
                <Shown value={value} isProse={isProse} />
              </dd>
            ))}
          </>
        ))}
      </dl>
    )}
  </div>
)

const Steps = ({ steps, failure }: CheckedRequest) => (
  <ol class="checks">
    {steps.map(({ says, state }) => (
      <li class={state}>
        <strong class={`mark ${state}`}>{STATES[state]}</strong> {says}
        {state === 'failed' && failure !== null && <FailureDetails failure={failure} />}
      </li>
    ))}
  </ol>
)

const Values = ({ shown }: { shown: readonly Shown[] }) => (
  <>
    {shown.map(({ name, value, hidden }) => (
      <>
        <dt>
          <code>{name}</code>
        </dt>
        <dd>
          {value === null ? (
            <span class="muted">
              hidden, {hidden} {hidden === 1 ? 'character' : 'characters'}
            </span>
          ) : (
            <code dir="ltr">{value}</code>
          )}
        </dd>
      </>
    ))}
  </>
)

const WhatWasRead = ({ shown }: CheckedRequest) => (
  <details>
    <summary>What was read of the request</summary>
    <p>
      <code dir="ltr">
        {shown.method} {shown.address}
      </code>
    </p>
    <dl>
      <Values shown={shown.headers} />
      <Values shown={shown.parameters} />
    </dl>
    {shown.more > 0 && <p class="muted">and {shown.more} more</p>}
  </details>
)

const Result = ({ checked }: { checked: CheckedRequest }) => (
  <section>
    <h2 id="result" tabindex={-1}>
      Result
    </h2>
    <p class={checked.failure === null ? 'notice' : 'problem'} role="status">
      {checked.verdict}
    </p>
    <Steps {...checked} />
    {checked.notes.length > 0 && (
      <ul>
        {checked.notes.map((note) => (
          <li>{note}</li>
        ))}
      </ul>
    )}
    <WhatWasRead {...checked} />
  </section>
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

const Lookup = ({ clientId, lookup }: Pick<CheckPageProps, 'clientId' | 'lookup'>) => (
  <section>
    <h2>Why was a request refused?</h2>
    <form method="get" action={clientPath(clientId, 'check')}>
      <TextField
        name="reference"
        label="Reference"
        hint="The header X-Correlation-Id of the answer, or the reference on the error page. It is kept for one day."
        value={lookup?.typed ?? ''}
        problem={
          lookup !== null && lookup.found === null
            ? 'No refusal of this client is recorded under this reference.'
            : undefined
        }
      />
      {lookup?.found && <Found found={lookup.found} />}
      <div class="actions">
        <button type="submit">Look it up</button>
      </div>
    </form>
  </section>
)

export const CheckPage = (p: CheckPageProps) => (
  <PortalFrame {...p.frame} title="Check a request" about={p.name}>
    <p class="lead">
      Paste a request of this client. It is checked as the registry checks every request, and
      nothing happens: no code or token is used up, and nothing is recorded.
    </p>
    {p.checked && <Result checked={p.checked} />}
    <form method="post" action={clientPath(p.clientId, 'check')}>
      <HiddenFields fields={p.hidden} />
      <TextArea
        name="request"
        rows={8}
        isAddresses
        label="Request"
        hint={
          <>
            The address of <code>/authorize</code>, a token request as a <code>curl</code> command,
            or its form (<code>grant_type=…</code>), with headers before it. Secrets are neither
            kept nor shown again.
          </>
        }
        value={p.checked?.text ?? ''}
        problem={p.frame.problem?.errors.request}
      />
      <div class="actions">
        <button class="primary" type="submit">
          Check
        </button>
      </div>
    </form>
    <Lookup {...p} />
    <p>
      <a href={clientPath(p.clientId)}>Back to the client</a>
    </p>
  </PortalFrame>
)
