/** The public keys by which a client authenticates, and new ones in their place. */

import { HiddenFields, WebAddress } from '../parts.tsx'
import { clientPath, type FrameProps, type Hidden, PortalFrame } from './frame.tsx'
import { KeyFields, type KeyFieldsProps } from './key-fields.tsx'

export type ShownKey = Readonly<{
  /** Its own id, or its thumbprint. */
  id: string
  hasOwnId: boolean
  type: string
  algorithm: string | null
}>

export type KeysProps = Readonly<{
  frame: FrameProps
  clientId: string
  name: string
  /** How it authenticates now. */
  method: 'keys' | 'secret' | 'none'
  keys: readonly ShownKey[]
  /** Where they are published; '' if they were given. */
  address: string
  /** What was not as it should be when keys were read, a sentence each. */
  notes: readonly string[]
  /** Seconds. */
  endsWithin: number
  typed: KeyFieldsProps['typed']
  labels: KeyFieldsProps['labels']
  hidden: Hidden
}>

const KeyItem = ({ id, hasOwnId, type, algorithm }: ShownKey) => (
  <li>
    <code>{id}</code>
    <p class="small muted">
      {type}
      {algorithm !== null && `, for ${algorithm}`}
      {!hasOwnId && ', without an id of its own: this is its thumbprint (RFC 7638)'}
    </p>
  </li>
)

const Present = ({ keys, address }: Pick<KeysProps, 'keys' | 'address'>) => (
  <>
    {address !== '' && (
      <p>
        It publishes its keys at <WebAddress address={address} />.
      </p>
    )}
    {keys.length === 0 ? (
      <p class="caution">
        No key was read there yet, so it cannot authenticate. Check the address, and send the form
        again.
      </p>
    ) : (
      <ul class="listed">
        {keys.map((key) => (
          <KeyItem {...key} />
        ))}
      </ul>
    )}
  </>
)

const Replacing = (p: KeysProps) => (
  <form method="post" action={clientPath(p.clientId, 'keys')}>
    <HiddenFields fields={p.hidden} />
    <h2>{p.method === 'keys' ? 'Change the keys' : 'Use keys in place of the secret'}</h2>
    {p.method === 'keys' ? (
      <p>
        To change over without a gap, add the new key beside the old one, let your program use it,
        and then remove the old one. When a key is removed, the access tokens of the client end
        within {p.endsWithin} seconds. Its refresh tokens stay.
      </p>
    ) : (
      <p>
        Your program then signs a JWT for each request (<code>private_key_jwt</code>), and this
        registry keeps nothing secret of it. Its secrets end at once, and its access tokens within{' '}
        {p.endsWithin} seconds. Its refresh tokens stay.
      </p>
    )}
    <KeyFields typed={p.typed} labels={p.labels} errors={p.frame.problem?.errors ?? {}} />
    <div class="actions">
      <button class="primary" type="submit">
        {p.method === 'keys' ? 'Save the keys' : 'Use these keys'}
      </button>
    </div>
  </form>
)

export const KeysPage = (p: KeysProps) => (
  <PortalFrame {...p.frame} title="Keys" about={p.name}>
    {p.notes.map((note) => (
      <p class="caution">{note}</p>
    ))}
    {p.method === 'keys' && <Present {...p} />}
    {p.method === 'none' ? <p>Its code is public, so it has no keys.</p> : <Replacing {...p} />}
    <p>
      <a href={clientPath(p.clientId)}>Back to the client</a>
    </p>
  </PortalFrame>
)
