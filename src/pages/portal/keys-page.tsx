/** The public keys with which a client authenticates, and the form that replaces them. */

import { ALL_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'
import { type FormHead, PostForm, Submit, WebAddress } from '../parts.tsx'
import { type FormProps, fieldsOf, TextArea, TextField } from './fields.tsx'
import { ClientFrame, type ClientFrameProps } from './frame.tsx'

export const KEY_LABELS = {
  jwks: 'Public keys',
  jwks_uri: 'Address of the public keys',
} as const

type KeyFieldsProps = FormProps<keyof typeof KEY_LABELS>

export const KeyFields = (p: KeyFieldsProps) => {
  const field = fieldsOf(p, KEY_LABELS)
  return (
    <>
      <TextArea
        {...field('jwks')}
        rows={6}
        isAddresses
        hint={
          <>
            A JWK Set (RFC 7517) without private members: <code>{'{"keys": [{"kty": …}]}'}</code>.
            EC P-256, Ed25519, or RSA of 2048 bits or more.
          </>
        }
      />
      <TextField
        {...field('jwks_uri')}
        type="url"
        hint="In place of the keys: the https address where the client publishes them. They are read now, and again when a code or a refresh token comes with a key that is not known. For a program without users, save the address again after each new key."
      />
    </>
  )
}

export type ShownKey = Readonly<{
  /** The key's own id, or its thumbprint. */
  id: string
  hasOwnId: boolean
  type: string
  algorithm: string | null
}>

type KeysProps = ClientFrameProps &
  KeyFieldsProps &
  Readonly<{
    method: 'keys' | 'secret' | 'none'
    keys: readonly ShownKey[]
    /** The address at which the client publishes its keys; '' if the keys were given. */
    address: string
    /** What was wrong when the keys were read, one sentence each. */
    notes: readonly string[]
    form: FormHead
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
  <PostForm {...p.form}>
    <h2>{p.method === 'keys' ? 'Change the keys' : 'Use keys in place of the secret'}</h2>
    {p.method === 'keys' ? (
      <p>
        To change over without a gap, add the new key beside the old one, let your program use it,
        and then remove the old one. When a key is removed, the access tokens of the client end
        within {ALL_REVOKED_WITHIN_SECONDS} seconds. Its refresh tokens stay.
      </p>
    ) : (
      <p>
        Your program then signs a JWT for each request (<code>private_key_jwt</code>), and this
        registry stores no secret of it. Its secrets end at once, and its access tokens within{' '}
        {ALL_REVOKED_WITHIN_SECONDS} seconds. Its refresh tokens stay.
      </p>
    )}
    <KeyFields {...p} />
    <Submit>{p.method === 'keys' ? 'Save the keys' : 'Use these keys'}</Submit>
  </PostForm>
)

export const KeysPage = (p: KeysProps) => (
  <ClientFrame {...p} title="Keys">
    {p.notes.map((note) => (
      <p class="caution">{note}</p>
    ))}
    {p.method === 'keys' && <Present {...p} />}
    {p.method === 'none' ? <p>Its code is public, so it has no keys.</p> : <Replacing {...p} />}
  </ClientFrame>
)
