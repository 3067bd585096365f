/** The request checker: what was pasted, which checks passed, and which one failed and why. */

import { type FormHead, PostForm, Row, Submit } from '../parts.tsx'
import { TextArea } from './fields.tsx'
import { ClientFrame, type ClientFrameProps } from './frame.tsx'
import {
  ErrorCode,
  type RefusalLookup,
  RefusalLookupForm,
  Remedied,
  type Remedy,
} from './refusal-lookup.tsx'

/** A value, with the part that differs from the expected value. */
export type FactValue = string | Readonly<{ same: string; differs: string }>
/** `isProse`: the fact is in words, and not only a text of a request. */
export type Fact = Readonly<{ name: string; values: readonly FactValue[]; isProse?: boolean }>

/** `value` is null if it is not shown. `hidden`: how many characters are not shown. */
export type ShownValue = Readonly<{ name: string; value: string | null; hidden: number }>

export type ShownRequest = Readonly<{
  method: string
  /** The address without the query. */
  address: string
  headers: readonly ShownValue[]
  parameters: readonly ShownValue[]
  /** How many headers and parameters are not listed. */
  more: number
}>

export type CheckedStep = Readonly<{ says: string; state: 'passed' | 'failed' | 'not_reached' }>

export type Failure = Readonly<{
  /** What the registry would answer; null if no response was computed. */
  answer: Readonly<{ error: string; status: number; description: string }> | null
  causes: readonly string[]
  /** The page on which an owner changes what failed; null if only the request can be changed. */
  remedy: Remedy | null
  facts: readonly Fact[]
}>

export type CheckedRequest = Readonly<{
  verdict: string
  steps: readonly CheckedStep[]
  failure: Failure | null
  shown: ShownRequest
  notes: readonly string[]
  /** The text as it was pasted; empty if it contains a secret. */
  text: string
}>

type CheckPageProps = ClientFrameProps &
  Readonly<{
    form: FormHead
    /** Null before the first check. */
    checked: CheckedRequest | null
    /** Null if no refusal was looked up. */
    lookup: RefusalLookup | null
  }>

const STATES = { passed: 'passed', failed: 'failed', not_reached: 'not reached' } as const

const Shown = ({ value, isProse }: { value: FactValue; isProse: boolean }) =>
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

const FailureDetails = ({ failure, clientId }: { failure: Failure; clientId: string }) => (
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
    <Remedied remedy={failure.remedy} clientId={clientId} />
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

type Checked = Readonly<{ checked: CheckedRequest; clientId: string }>

const Steps = ({ checked: { steps, failure }, clientId }: Checked) => (
  <ol class="checks">
    {steps.map(({ says, state }) => (
      <li class={state}>
        <strong class={`mark ${state}`}>{STATES[state]}</strong> {says}
        {state === 'failed' && failure !== null && (
          <FailureDetails failure={failure} clientId={clientId} />
        )}
      </li>
    ))}
  </ol>
)

const Values = ({ shown }: { shown: readonly ShownValue[] }) => (
  <>
    {shown.map(({ name, value, hidden }) => (
      <Row term={<code>{name}</code>}>
        {value === null ? (
          <span class="muted">
            hidden, {hidden} {hidden === 1 ? 'character' : 'characters'}
          </span>
        ) : (
          <code dir="ltr">{value}</code>
        )}
      </Row>
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

const Result = ({ checked, clientId }: Checked) => (
  <section>
    <h2 id="result" tabindex={-1}>
      Result
    </h2>
    <p class={checked.failure === null ? 'notice' : 'problem'} role="status">
      {checked.verdict}
    </p>
    {checked.notes.length > 0 && (
      <ul>
        {checked.notes.map((note) => (
          <li>{note}</li>
        ))}
      </ul>
    )}
    <Steps checked={checked} clientId={clientId} />
    <WhatWasRead {...checked} />
  </section>
)

export const CheckPage = (p: CheckPageProps) => (
  <ClientFrame {...p} title="Check a request">
    <p class="lead">
      Paste a request of this client. It is checked as the registry checks every request, and
      nothing happens: no code or token is used up, and nothing is recorded.
    </p>
    {p.checked && <Result checked={p.checked} clientId={p.clientId} />}
    <PostForm {...p.form}>
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
      <Submit>Check</Submit>
    </PostForm>
    <RefusalLookupForm clientId={p.clientId} lookup={p.lookup} />
  </ClientFrame>
)
