/** A client's secrets: a new secret, which is shown only once; the list; rotation with an overlap. */

import type { Credential } from '../../domain/client.ts'
import { inWords } from '../../domain/duration.ts'
import { ALL_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'
import { Day, type FormHead, Mark, Moment, PostForm, Row, Submit } from '../parts.tsx'
import { Copyable, CopyScript } from './copying.tsx'
import { Options } from './fields.tsx'
import { ClientFrame, type ClientFrameProps, clientPath, PortalFrame } from './frame.tsx'

type NewSecretProps = ClientFrameProps &
  Readonly<{
    title: string
    /** Null for a client without a secret. */
    clientSecret: string | null
    usesKeys?: boolean
    /** What else the owner should know, one sentence each. */
    notes?: readonly string[]
  }>

export const NewSecretPage = (p: NewSecretProps) => (
  <PortalFrame {...p.frame} title={p.title} about={p.name}>
    <dl>
      <Row term="Client id">
        <Copyable what="the client id">
          <code class="reference">{p.clientId}</code>
        </Copyable>
      </Row>
      {p.clientSecret !== null && (
        <Row term="Client secret">
          <Copyable what="the client secret">
            <code class="reference">{p.clientSecret}</code>
          </Copyable>
        </Row>
      )}
    </dl>
    {p.clientSecret === null ? (
      <p>
        {p.usesKeys
          ? 'It has no secret: it signs with keys of its own.'
          : 'It has no secret: its code is public, and PKCE protects its codes.'}
      </p>
    ) : (
      <p class="caution">
        Copy the secret now. It is shown only once, and nobody can look it up. Keep it where only
        your program can read it.
      </p>
    )}
    {p.notes?.map((note) => (
      <p class="caution">{note}</p>
    ))}
    <p class="actions">
      <a class="button primary" href={clientPath(p.clientId)}>
        Continue to settings
      </a>
    </p>
    <CopyScript />
  </PortalFrame>
)

type SecretsProps = ClientFrameProps &
  Readonly<{
    method: 'keys' | 'secret' | 'none'
    /** The hidden fields of the form that replaces the client's keys with a secret. */
    useSecret: FormHead
    /** The newest secret comes first. Instants in epoch seconds. */
    secrets: readonly Pick<Credential, 'createdAt' | 'expiresAt' | 'lastUsedAt'>[]
    rotation: FormHead
    overlaps: readonly Readonly<{ seconds: number; isChecked: boolean }>[]
  }>

type Secret = SecretsProps['secrets'][number]

const lastDayOf = (secrets: readonly Secret[]) =>
  Math.max(...secrets.map(({ lastUsedAt }) => lastUsedAt ?? 0))

const SecretItem = (p: { secret: Secret; place: number; isInUse: boolean }) => {
  const { createdAt, expiresAt, lastUsedAt } = p.secret
  return (
    <li>
      <strong>{p.place === 0 ? 'The newest secret' : 'An older secret'}</strong>
      {p.isInUse && <Mark>in use</Mark>}
      <p class="small muted">
        made on <Day at={createdAt} />,{' '}
        {lastUsedAt === null ? (
          'not used yet'
        ) : (
          <>
            last used on <Day at={lastUsedAt} />
          </>
        )}
        ,{' '}
        {expiresAt === null ? (
          'does not end'
        ) : (
          <>
            ends on <Moment at={expiresAt} />
          </>
        )}
      </p>
    </li>
  )
}

/** The uses of a secret are known with the precision of a day. */
const ChangeOver = ({ secrets: [newest, ...older] }: Pick<SecretsProps, 'secrets'>) => {
  const ending = older.filter(({ expiresAt, lastUsedAt }) => expiresAt !== null && lastUsedAt)
  const last = Math.max(...ending.map(({ expiresAt }) => expiresAt ?? 0))
  if (newest === undefined || newest.lastUsedAt !== null || ending.length === 0) return null
  return (
    <p class="caution">
      Your program has not used the newest secret yet. Give it to your program before{' '}
      <Moment at={last} />, when the older one ends.
    </p>
  )
}

const overlapWords = (seconds: number) =>
  seconds === 0
    ? ([
        'Not at all',
        'It may have leaked. Access tokens that it opened end too; refresh tokens stay, and need the new secret.',
      ] as const)
    : ([`For ${inWords(seconds)}`, 'Nothing ends while you change over.'] as const)

const Rotation = (p: SecretsProps) => (
  <PostForm {...p.rotation}>
    <Options
      name="overlap"
      type="radio"
      legend="How long do the secrets above stay good?"
      problem={p.frame.problem?.errors.overlap}
      options={p.overlaps.map(({ seconds, isChecked }) => {
        const [label, hint] = overlapWords(seconds)
        return { value: String(seconds), label, hint, isChecked }
      })}
    />
    <Submit>Make a new secret</Submit>
  </PostForm>
)

const InPlaceOfKeys = (p: SecretsProps) => (
  <PostForm {...p.useSecret}>
    <p>
      It has no secret: it signs with keys of its own. With a secret in their place its keys are not
      accepted any more, and its access tokens end within {ALL_REVOKED_WITHIN_SECONDS} seconds. Its
      refresh tokens stay.
    </p>
    <Submit>Use a secret in place of the keys</Submit>
  </PostForm>
)

export const SecretsPage = (p: SecretsProps) => (
  <ClientFrame {...p} title="Secrets">
    {p.method === 'secret' && (
      <>
        {p.secrets.length === 0 ? (
          <p>It has no secret that works.</p>
        ) : (
          <ul class="listed">
            {p.secrets.map((secret, place) => (
              <SecretItem
                secret={secret}
                place={place}
                isInUse={secret.lastUsedAt !== null && secret.lastUsedAt === lastDayOf(p.secrets)}
              />
            ))}
          </ul>
        )}
        <ChangeOver {...p} />
        <Rotation {...p} />
      </>
    )}
    {p.method === 'keys' && <InPlaceOfKeys {...p} />}
    {p.method === 'none' && <p>Its code is public, so it keeps no secret.</p>}
  </ClientFrame>
)
