/**
 * What an approver decides on: the requests of a client, each with the sentence that users read and the reason for a mark,
 * and the client's listing in the directory.
 */

import { type Listing, listingStateOf } from '../../domain/directory.ts'
import { Day, type FormHead, Mark, PostForm } from '../parts.tsx'
import { type FormProps, fieldsOf, Options, TextArea } from './fields.tsx'
import { NotDeclared, type ShownPermission, STATES, shownSentence } from './permissions.tsx'

/** What the client asks for, in the words of the consent page. */
export type AskedFor = Readonly<{
  permission: ShownPermission
  isSensitive: boolean
  /** Names of the resources that the scope is for. */
  resources: readonly string[]
  isChecked: boolean
}>

type RequestProps = Readonly<{ asked: readonly AskedFor[]; form: FormHead }> &
  FormProps<'reason' | 'listing_reason'>

export const DECISION_LABELS = {
  decide: 'What it asks for',
  reason: 'Reason',
  listing_reason: 'Reason for not listing it',
}

const Marked = ({ asked }: { asked: AskedFor }) => (
  <>
    {shownSentence(asked.permission)}
    {asked.isSensitive && <Mark kind="sensitive">Sensitive</Mark>}
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
        , before that {STATES[permission.decision.decision]} on{' '}
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

export const RequestDecision = (p: RequestProps) => (
  <PostForm {...p.form}>
    <Options
      name="decide"
      type="checkbox"
      legend={DECISION_LABELS.decide}
      hint="Sentences in quotation marks are what its users will read: “your” means theirs. Untick what you do not decide on now: it stays requested."
      problem={p.frame.problem?.errors.decide}
      options={p.asked.map((asked) => ({
        value: `${asked.permission.kind} ${asked.permission.value}`,
        label: <Marked asked={asked} />,
        hint: <Dates asked={asked} />,
        isChecked: asked.isChecked,
      }))}
    />
    <TextArea
      {...fieldsOf(p, DECISION_LABELS)('reason')}
      rows={3}
      hint="The owners read it beside what you decline."
    />
    <div class="actions">
      <button type="submit" name="act" value="decline">
        Decline
      </button>
      <button class="primary" type="submit" name="act" value="approve">
        Approve
      </button>
    </div>
  </PostForm>
)

export type ShownListing = Listing &
  Readonly<{
    isLookAlike: boolean
    form: FormHead
  }>

type ListingProps = Readonly<{
  listing: ShownListing
  /** Why the visitor may not decide; null if there is a form. */
  whyNot: string | null
}> &
  FormProps<'reason' | 'listing_reason'>

const LISTING_STATES = {
  requested:
    'An owner wants it in the public directory, which shows its name, web page, description, logo, first owner and what it may ask for.',
  listed: 'It is in the public directory.',
  declined: 'An owner wants it in the public directory, and an approver declined.',
} as const

const ListingForm = (p: ListingProps) => {
  const state = listingStateOf(p.listing)
  return (
    <PostForm {...p.listing.form}>
      {state !== 'declined' && (
        <TextArea
          {...fieldsOf(p, DECISION_LABELS)('listing_reason')}
          rows={3}
          hint={
            state === 'listed'
              ? 'The owners read why you take it out.'
              : 'The owners read why you decline to list it.'
          }
        />
      )}
      <div class="actions">
        {state !== 'declined' && (
          <button type="submit" name="act" value="unlist">
            {state === 'listed' ? 'Take it out' : 'Do not list it'}
          </button>
        )}
        {state !== 'listed' && (
          <button class="primary" type="submit" name="act" value="list">
            List it
          </button>
        )}
      </div>
    </PostForm>
  )
}

export const ListingDecision = (p: ListingProps) => (
  <section>
    <h2>Directory</h2>
    <p>{LISTING_STATES[listingStateOf(p.listing)]}</p>
    {p.listing.isLookAlike && (
      <p class="caution">
        Its name looks like <bdi>{p.frame.branding.serviceName}</bdi>. The directory says so.
      </p>
    )}
    {p.whyNot === null ? <ListingForm {...p} /> : <p class="caution">{p.whyNot}</p>}
  </section>
)
