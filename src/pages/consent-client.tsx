/** The client that asks: what the registry knows of the client and, separately, what the client says of itself. */

import type { ConsentTerms } from '../domain/consent.ts'
import { looksLike } from '../domain/fold-text.ts'
import { isReservedId } from '../domain/registry-scopes.ts'
import { HostName, Name, WebAddress } from './parts.tsx'

type Client = ConsentTerms['client']

type TargetProps = Readonly<{
  kind: 'site' | 'program' | 'app'
  /** The host for people: `client.example`. */
  host: string
}>

/** The target of the user's answer, which is also the target of a refusal. */
export const Target = ({ kind, host }: TargetProps) => (
  <p class="returns">
    Either way, you will be sent{' '}
    {kind === 'site' ? (
      <>
        to{' '}
        <Name>
          <HostName host={host} />
        </Name>
      </>
    ) : (
      <>
        back to{' '}
        <strong>{kind === 'app' ? 'an app on this device' : 'a program on this computer'}</strong>
      </>
    )}
    .
  </p>
)

type Props = Readonly<{
  client: Client
  serviceName: string
  /** The path of the client's logo here; null if there is none. */
  logoPath: string | null
  target: TargetProps
}>

const Owner = ({ client: { ownerName }, serviceName }: Props) => (
  <p>
    {ownerName !== null && (
      <>
        Registered by <Name>{ownerName}</Name>.{' '}
      </>
    )}
    Not run by <bdi>{serviceName}</bdi>.
  </p>
)

/** The name is quoted, so that it cannot continue the sentence, and has no quotation marks that would end the quotation. */
export const OwnName = ({ name }: { name: string }) => (
  <>
    “<bdi>{name.replace(/["“”„‟«»〝〞〟＂]/gu, "'")}</bdi>”
  </>
)

/** All that is known of such a client: the address of its document, if there is one, and where the browser is sent. */
const Stranger = ({ client: { clientId, name, verifiedHost }, serviceName, target }: Props) => (
  <>
    {verifiedHost !== null && (
      <p>
        It calls itself{' '}
        <strong>
          <OwnName name={name} />
        </strong>
        .
      </p>
    )}
    <Target {...target} />
    <p>
      It registered itself: <bdi>{serviceName}</bdi> has not checked it.
    </p>
    {verifiedHost !== null && (
      <p class="small muted">
        Its document: <code>{clientId}</code>
      </p>
    )}
  </>
)

const Registrant = (p: Props) => {
  if (p.client.selfRegistered !== null) return <Stranger {...p} />
  return isReservedId(p.client.clientId) ? (
    <p>
      A program of <bdi>{p.serviceName}</bdi> for its administrators.
    </p>
  ) : (
    <Owner {...p} />
  )
}

/** Each address with the words before it. */
const linksOf = ({ url, tosUri, policyUri }: Client) =>
  [
    ['', url],
    ['Its terms: ', tosUri],
    ['Its privacy policy: ', policyUri],
  ].flatMap(([words, address]) => (address ? [{ words, address }] : []))

const OwnWords = ({
  description,
  links,
}: {
  description: string
  links: ReturnType<typeof linksOf>
}) => (
  <figure>
    <figcaption class="small muted">What it says about itself:</figcaption>
    <blockquote>
      {description !== '' && <p dir="auto">{description}</p>}
      {links.map(({ words, address }) => (
        <p class="small">
          {words}
          <WebAddress address={address} />
        </p>
      ))}
    </blockquote>
  </figure>
)

export const ConsentClient = (p: Props) => {
  const { client, serviceName, logoPath } = p
  const links = linksOf(client)
  return (
    <section class="client" aria-label="The application">
      {/* Hidden from screen readers: the words beside it name the application. */}
      {logoPath !== null && (
        <img class="client-logo" src={logoPath} alt="" width="48" height="48" />
      )}
      <Registrant {...p} />
      {!isReservedId(client.clientId) && looksLike(client.name, serviceName) && (
        <p class="caution">
          The name <bdi>{client.name}</bdi> looks like <bdi>{serviceName}</bdi>, which does not run
          this application. Cancel if you expected <bdi>{serviceName}</bdi> itself.
        </p>
      )}
      {(client.description !== '' || links.length > 0) && (
        <OwnWords description={client.description} links={links} />
      )}
    </section>
  )
}
