/** Who asks: what the registry knows of a client, and apart from it what the client says of itself. */

import type { ConsentTerms } from '../domain/consent.ts'
import { looksLike } from '../domain/look-alike.ts'
import { isReservedId } from '../domain/registry-scopes.ts'
import { WebAddress } from './parts.tsx'

type Props = Readonly<{ client: ConsentTerms['client']; serviceName: string }>

const Owner = ({ client: { ownerName }, serviceName }: Props) => (
  <p>
    {ownerName !== null && (
      <>
        Registered by{' '}
        <strong>
          <bdi>{ownerName}</bdi>
        </strong>
        .{' '}
      </>
    )}
    Not run by <bdi>{serviceName}</bdi>.
  </p>
)

const OwnWords = ({ client: { description, url } }: Props) => (
  <figure>
    <figcaption class="small muted">What it says about itself:</figcaption>
    <blockquote>
      {description !== '' && <p dir="auto">{description}</p>}
      {url !== '' && (
        <p class="small">
          <WebAddress address={url} />
        </p>
      )}
    </blockquote>
  </figure>
)

export const ConsentClient = (p: Props) => {
  const { client, serviceName } = p
  return (
    <section class="client" aria-label="The application">
      {isReservedId(client.clientId) ? (
        <p>
          A program of <bdi>{serviceName}</bdi> for its administrators.
        </p>
      ) : (
        <Owner {...p} />
      )}
      {!isReservedId(client.clientId) && looksLike(client.name, serviceName) && (
        <p class="caution">
          The name <bdi>{client.name}</bdi> looks like <bdi>{serviceName}</bdi>, which does not run
          this application. Cancel if you expected <bdi>{serviceName}</bdi> itself.
        </p>
      )}
      {(client.description !== '' || client.url !== '') && <OwnWords {...p} />}
    </section>
  )
}
