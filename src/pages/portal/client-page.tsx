/** One client: what it says of itself, what it may do, and its settings for the common libraries. */

import type { ClientRecord } from '../../domain/client.ts'
import { Day, Row, WebAddress } from '../parts.tsx'
import { Description, OwnerNames, RedirectUris, WebPage } from './client-facts.tsx'
import { type ConfiguredClient, snippetsFor } from './client-settings.ts'
import { Copyable, CopyScript } from './copying.tsx'
import { clientPath, type FrameProps, PortalFrame } from './frame.tsx'
import { PermissionList, type ShownPermission } from './permissions.tsx'

export type ClientPageProps = Readonly<{
  frame: FrameProps
  client: ConfiguredClient &
    Pick<ClientRecord, 'name' | 'url' | 'description' | 'requirePkce' | 'logoUri' | 'createdAt'>
  state: 'enabled' | 'disabled_by_owner' | 'disabled_by_operator'
  /** True if the client has a scope of the registry itself, so that only an administrator may change it. */
  isPrivileged: boolean
  permissions: readonly ShownPermission[]
  owners: readonly string[]
  /** The path of the client's logo here; null if no logo is stored. */
  logoPath: string | null
  hasDirectory: boolean
}>

export const METHODS: Readonly<Record<ConfiguredClient['authMethod'], string>> = {
  client_secret: 'with its secret, by HTTP Basic or in the body',
  client_secret_basic: 'with its secret, by HTTP Basic',
  client_secret_post: 'with its secret, in the body',
  private_key_jwt: 'with a signature of its own key (private_key_jwt)',
  none: 'not at all: its code is public',
}

const State = ({ state, client }: ClientPageProps) => {
  if (state === 'enabled') return null
  return (
    <p class="caution">
      {state === 'disabled_by_owner' ? (
        <>
          It is disabled, so it gets no tokens.{' '}
          <a href={clientPath(client.clientId, 'enable')}>Enable it</a>
        </>
      ) : (
        'The operator has disabled it, so it gets no tokens. Only the operator can enable it.'
      )}
    </p>
  )
}

const ACTS = [
  ['edit', 'Edit'],
  ['secrets', 'Secrets'],
  ['keys', 'Keys'],
  ['permissions', 'Permissions'],
  ['owners', 'Owners'],
  ['check', 'Check a request'],
  ['listing', 'Directory'],
  ['history', 'History'],
  ['disable', 'Disable'],
  ['delete', 'Delete'],
] as const

const Acts = ({ client, state, isPrivileged, hasDirectory }: ClientPageProps) => {
  const acts = ACTS.filter(
    ([act]) =>
      (act === 'history' || !isPrivileged) &&
      (act !== 'disable' || state === 'enabled') &&
      (act !== 'listing' || hasDirectory) &&
      (!['secrets', 'keys'].includes(act) || client.authMethod !== 'none'),
  )
  return (
    <>
      {isPrivileged && (
        <p class="caution">
          It has a permission of this registry itself, so only an administrator changes it.
        </p>
      )}
      <nav class="places" aria-label="Pages of this client">
        {acts.map(([act, name]) => (
          <a href={clientPath(client.clientId, act)}>{name}</a>
        ))}
      </nav>
    </>
  )
}

const Details = ({ client, owners, logoPath }: ClientPageProps) => (
  <dl>
    <Row term="Client id">
      <Copyable what="the client id">
        <code class="reference">{client.clientId}</code>
      </Copyable>
    </Row>
    <Row term="Authenticates">{METHODS[client.authMethod]}</Row>
    {client.requirePkce && <Row term="PKCE">required</Row>}
    <WebPage url={client.url} />
    <Description heading="Description" text={client.description} />
    {client.logoUri !== '' && logoPath === null && (
      <Row term="Logo">
        <WebAddress address={client.logoUri} />
        <p class="small muted">
          Not shown: no PNG, JPEG, GIF or WebP image of at most 64 KiB was read there. It is tried
          again when a user is asked.
        </p>
      </Row>
    )}
    <RedirectUris heading="Redirect URIs" uris={client.redirectUris} />
    <dt>{owners.length === 1 ? 'Owner' : 'Owners'}</dt>
    <OwnerNames owners={owners} />
    <Row term="Registered">
      <Day at={client.createdAt} />
    </Row>
  </dl>
)

const Settings = ({ client }: { client: ConfiguredClient }) => {
  const metadata = `${client.issuer}/.well-known/oauth-authorization-server`
  return (
    <section>
      <h2>Settings for your library</h2>
      <dl>
        <Row term="Issuer">
          <code>{client.issuer}</code>
        </Row>
        <Row term="Metadata (RFC 8414)">
          <a href={metadata}>
            <code>{metadata}</code>
          </a>
        </Row>
      </dl>
      {snippetsFor(client).map(({ title, code }) => (
        <details>
          <summary>{title}</summary>
          <Copyable what={`the code for ${title}`}>
            <pre tabindex={0}>
              <code>{code}</code>
            </pre>
          </Copyable>
        </details>
      ))}
    </section>
  )
}

export const ClientPage = (p: ClientPageProps) => (
  <PortalFrame {...p.frame} title="Your client" about={p.client.name}>
    {p.logoPath !== null && <img class="logo" src={p.logoPath} alt="" width="48" height="48" />}
    <State {...p} />
    <Acts {...p} />
    <Details {...p} />
    <section>
      <h2>What it may do</h2>
      <PermissionList permissions={p.permissions} />
    </section>
    <Settings client={p.client} />
    <p>
      <a href="/clients">All your clients</a>
    </p>
    <CopyScript />
  </PortalFrame>
)
