/** Who owns a client. */

import { KEEP_OFFERS_SECONDS } from '../../domain/client.ts'
import { inWords } from '../../domain/duration.ts'
import { HiddenFields } from '../parts.tsx'
import { Offer, type ShownOffer } from './client-facts.tsx'
import { TextField } from './fields.tsx'
import { clientPath, type FrameProps, type Hidden, PortalFrame } from './frame.tsx'

export type OwnersProps = Readonly<{
  frame: FrameProps
  clientId: string
  name: string
  /** The first owner first. `name`: the username, or the id where it is not known. */
  owners: readonly Readonly<{
    name: string
    isYou: boolean
    /** The form that removes this owner; null where the visitor may not. */
    removal: Hidden | null
  }>[]
  offers: readonly (ShownOffer &
    Readonly<{
      /** The form that takes the offer back; null where the user has declined. */
      takeBack: Hidden | null
    }>)[]
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

const Offers = ({ offers, action }: { offers: OwnersProps['offers']; action: string }) =>
  offers.length === 0 ? null : (
    <section>
      <h2>Offered to</h2>
      <p>
        Nobody here has a right to the client before accepting. An offer ends after{' '}
        {inWords(KEEP_OFFERS_SECONDS)}.
      </p>
      <ul class="listed">
        {offers.map((offer) => (
          <li>
            <Offer offer={offer} />
            {offer.takeBack && (
              <form method="post" action={action}>
                <HiddenFields fields={offer.takeBack} />
                <button class="plain" type="submit">
                  Take the offer to <bdi>{offer.name}</bdi> back
                </button>
              </form>
            )}
          </li>
        ))}
      </ul>
    </section>
  )

export const OwnersPage = (p: OwnersProps) => {
  const action = clientPath(p.clientId, 'owners')
  return (
    <PortalFrame {...p.frame} title="Owners" about={p.name}>
      <p class="lead">
        Every owner may edit the client, make secrets, disable and delete it, and offer it to
        further users. The consent page names the first owner, who alone can remove another.
      </p>
      <ul class="listed">
        {p.owners.map((owner, index) => (
          <Owner owner={owner} action={action} isFirst={index === 0} />
        ))}
      </ul>
      <Offers offers={p.offers} action={action} />
      <form method="post" action={action}>
        <HiddenFields fields={[...p.hidden, ['act', 'offer']]} />
        <TextField
          name="owner"
          label={p.label}
          hint="The username of someone who uses this registry. They read the offer on the page of their clients, and own the client once they accept."
          value={p.typed}
          problem={p.frame.problem?.errors.owner}
        />
        <div class="actions">
          <button class="primary" type="submit">
            Offer ownership
          </button>
        </div>
      </form>
      {p.owners.length > 1 ? (
        <p>
          <a href={clientPath(p.clientId, 'leave')}>Leave this client</a>
        </p>
      ) : (
        <p class="small muted">You can leave this client once another user has accepted.</p>
      )}
      <p>
        <a href={clientPath(p.clientId)}>Back to the client</a>
      </p>
    </PortalFrame>
  )
}
