/** Where a form takes public keys. */

import { TextArea, TextField } from './fields.tsx'

export type KeyFieldsProps = Readonly<{
  typed: Readonly<{ jwks: string; jwks_uri: string }>
  labels: Readonly<{ jwks: string; jwks_uri: string }>
  errors: Readonly<Record<string, string>>
}>

export const KeyFields = ({ typed, labels, errors }: KeyFieldsProps) => (
  <>
    <TextArea
      name="jwks"
      rows={6}
      isAddresses
      label={labels.jwks}
      hint={
        <>
          A JWK Set (RFC 7517) without private members: <code>{'{"keys": [{"kty": …}]}'}</code>. EC
          P-256, Ed25519, or RSA of 2048 bits or more.
        </>
      }
      value={typed.jwks}
      problem={errors.jwks}
    />
    <TextField
      name="jwks_uri"
      type="url"
      label={labels.jwks_uri}
      hint="In place of the keys: the https address where the client publishes them. They are read now, and again when a code or a refresh token comes with a key that is not known. For a program without users, save the address again after each new key."
      value={typed.jwks_uri}
      problem={errors.jwks_uri}
    />
  </>
)
