/** The owners of a client, and the users to whom it is offered. */

import { KEEP_OFFERS_SECONDS } from '../../domain/client.ts'
import { inWords } from '../../domain/duration.ts'
import { type FormHead, Name, PostForm, Submit } from '../parts.tsx'
import { Offer, type ShownOffer } from './client-facts.tsx'
import { type FormProps, fieldsOf, TextField } from './fields.tsx'
import { ClientFrame, type ClientFrameProps, clientPath } from './frame.tsx'

export const OWNER_LABELS = { owner: 'Username' }

type OwnersProps = ClientFrameProps &
  Readonly<{
    /** The first owner comes first. `name`: the username, or the id if the name is not known. */
    owners: readonly Readonly<{
      name: string
      isYou: boolean
      /** The form that removes this owner; null if the visitor may not remove the owner. */
      removal: FormHead | null
    }>[]
    offers: readonly (ShownOffer &
      Readonly<{
        /** The form that takes the offer back; null if the user has declined. */
        takeBack: FormHead | null
      }>)[]
    form: FormHead
  }> &
  FormProps<'owner'>

const Owner = (p: { owner: OwnersProps['owners'][number]; isFirst: boolean }) => {
  const { name, isYou, removal } = p.owner
  return (
    <li>
      <Name>{name}</Name>
      {isYou && ' (you)'}
      {p.isFirst && <span class="muted">, the first owner</span>}
      {removal && (
        <PostForm {...removal}>
          <button class="plain" type="submit">
            Remove <bdi>{name}</bdi>
          </button>
        </PostForm>
      )}
    </li>
  )
}

const Offers = ({ offers }: Pick<OwnersProps, 'offers'>) =>
  offers.length === 0 ? null : (
    <section>
      <h2>Offered to</h2>
      <p>
        A user has no right to the client before accepting. An offer ends after{' '}
        {inWords(KEEP_OFFERS_SECONDS)}.
      </p>
      <ul class="listed">
        {offers.map((offer) => (
          <li>
            <Offer offer={offer} />
            {offer.takeBack && (
              <PostForm {...offer.takeBack}>
                <button class="plain" type="submit">
                  Take the offer to <bdi>{offer.name}</bdi> back
                </button>
              </PostForm>
            )}
          </li>
        ))}
      </ul>
    </section>
  )

export const OwnersPage = (p: OwnersProps) => (
  <ClientFrame {...p} title="Owners">
    <p class="lead">
      Every owner may edit the client, make secrets, disable and delete it, and offer it to further
      users. The consent page names the first owner, who alone can remove another.
    </p>
    <ul class="listed">
      {p.owners.map((owner, index) => (
        <Owner owner={owner} isFirst={index === 0} />
      ))}
    </ul>
    <Offers offers={p.offers} />
    <PostForm {...p.form}>
      <TextField
        {...fieldsOf(p, OWNER_LABELS)('owner')}
        hint="The username of someone who uses this registry. They read the offer on the page of their clients, and own the client once they accept."
      />
      <Submit>Offer ownership</Submit>
    </PostForm>
    {p.owners.length > 1 ? (
      <p>
        <a href={clientPath(p.clientId, 'leave')}>Leave this client</a>
      </p>
    ) : (
      <p class="small muted">You can leave this client once another user has accepted.</p>
    )}
  </ClientFrame>
)
