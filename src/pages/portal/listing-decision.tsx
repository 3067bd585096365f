/** What an approver decides on a client in the directory. */

import { type Listing, listingStateOf } from '../../domain/directory.ts'
import { HiddenFields } from '../parts.tsx'
import { approvalPath } from './approvals-page.tsx'
import { TextArea } from './fields.tsx'
import type { FrameProps, Hidden } from './frame.tsx'

export type ShownListing = Listing &
  Readonly<{
    /** The name looks like the name of the service. */
    isLookAlike: boolean
    hidden: Hidden
    /** The reason, as it was typed. */
    typed: string
  }>

type Props = Readonly<{
  frame: FrameProps
  client: Readonly<{ clientId: string }>
  listing: ShownListing
  /** Why the visitor does not decide; null with a form. */
  whyNot: string | null
  labels: Readonly<{ listing_reason: string }>
}>

const STATES = {
  requested:
    'An owner wants it in the public directory, which shows its name, web page, description, logo, first owner and what it may ask for.',
  listed: 'It is in the public directory.',
  declined: 'An owner wants it in the public directory, and an approver declined.',
} as const

const Form = ({ frame, client, listing, labels }: Props) => {
  const state = listingStateOf(listing)
  return (
    <form method="post" action={approvalPath(client.clientId)}>
      <HiddenFields fields={listing.hidden} />
      {state !== 'declined' && (
        <TextArea
          name="listing_reason"
          rows={3}
          label={labels.listing_reason}
          hint={
            state === 'listed'
              ? 'The owners read why you take it out.'
              : 'The owners read why you decline to list it.'
          }
          value={listing.typed}
          problem={frame.problem?.errors.listing_reason}
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
    </form>
  )
}

export const ListingDecision = (p: Props) => (
  <section>
    <h2>Directory</h2>
    <p>{STATES[listingStateOf(p.listing)]}</p>
    {p.listing.isLookAlike && (
      <p class="caution">
        Its name looks like <bdi>{p.frame.branding.serviceName}</bdi>. The directory says so.
      </p>
    )}
    {p.whyNot === null ? <Form {...p} /> : <p class="caution">{p.whyNot}</p>}
  </section>
)
