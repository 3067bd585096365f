/**
 * What a client says of itself, as rows of a list for its owners and for approvers. Each group of readers has its own
 * heading.
 */

import { Day, Name, Row, WebAddress } from '../parts.tsx'

export const WebPage = ({ url }: { url: string }) =>
  url === '' ? null : (
    <Row term="Web page">
      <WebAddress address={url} />
    </Row>
  )

export const Description = ({ heading, text }: { heading: string; text: string }) =>
  text === '' ? null : (
    <>
      <dt>{heading}</dt>
      <dd dir="auto">{text}</dd>
    </>
  )

export const RedirectUris = ({ heading, uris }: { heading: string; uris: readonly string[] }) =>
  uris.length === 0 ? null : (
    <>
      <dt>{heading}</dt>
      {uris.map((uri) => (
        <dd>
          <code>{uri}</code>
        </dd>
      ))}
    </>
  )

export const OwnerNames = ({ owners }: { owners: readonly string[] }) => (
  <>
    {owners.map((owner) => (
      <dd>
        <bdi>{owner}</bdi>
      </dd>
    ))}
  </>
)

/** A user to whom the client was offered. `name`: the username, or the id if unknown. Instants in epoch seconds. */
export type ShownOffer = Readonly<{ name: string; offeredAt: number; declinedAt: number | null }>

export const Offer = ({ offer: { name, offeredAt, declinedAt } }: { offer: ShownOffer }) => (
  <>
    <Name>{name}</Name>
    {declinedAt === null ? (
      <>
        , offered on <Day at={offeredAt} />, has not accepted
      </>
    ) : (
      <>
        , declined on <Day at={declinedAt} />
      </>
    )}
  </>
)
