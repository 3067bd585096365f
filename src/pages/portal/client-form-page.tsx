/** The form that registers a client, and the one that edits it. */

import type { ClientKind } from '../../domain/client-kind.ts'
import { type Hidden, PostForm, Submit } from '../parts.tsx'
import { Options, TextArea, TextField } from './fields.tsx'
import { clientPath, type FrameProps, PortalFrame } from './frame.tsx'
import { KeyFields } from './keys-page.tsx'

type Typed = Readonly<{
  name: string
  url: string
  description: string
  logo_uri: string
  redirect_uris: string
  kind: string
  jwks: string
  jwks_uri: string
}>

export type ClientFormProps = Readonly<{
  frame: FrameProps
  typed: Typed
  hidden: Hidden
  labels: Readonly<Record<keyof Typed, string>>
}>

const KIND_WORDS: Readonly<Record<ClientKind, readonly [name: string, hint: string]>> = {
  server: [
    'Web application with a server',
    'It keeps a secret or its keys on the server, and uses PKCE and refresh tokens.',
  ],
  browser: [
    'Application in the browser',
    'Its code is public, so it has no secret. It uses PKCE and refresh tokens.',
  ],
  native: [
    'Mobile or desktop application',
    'Its code is public, so it has no secret. It uses PKCE and refresh tokens.',
  ],
  machine: [
    'Program without users',
    'It acts for itself, with a secret or its keys. No user is sent back to it.',
  ],
}

const Fields = ({ typed, labels, frame: { problem } }: ClientFormProps) => {
  const errors = problem?.errors ?? {}
  return (
    <>
      <TextField
        name="name"
        label={labels.name}
        hint="What users know it by. The consent page shows it."
        value={typed.name}
        problem={errors.name}
      />
      <TextField
        name="url"
        type="url"
        label={labels.url}
        hint="Its own page, http or https. The consent page shows it."
        isOptional
        value={typed.url}
        problem={errors.url}
      />
      <TextArea
        name="description"
        rows={3}
        label={labels.description}
        hint="What it is for. The consent page shows it."
        isOptional
        value={typed.description}
        problem={errors.description}
      />
      <TextField
        name="logo_uri"
        type="url"
        label={labels.logo_uri}
        hint="The address of an image: PNG, JPEG, GIF or WebP, at most 64 KiB. The consent page shows it."
        isOptional
        value={typed.logo_uri}
        problem={errors.logo_uri}
      />
    </>
  )
}

const RedirectUris = ({ typed, labels, frame: { problem } }: ClientFormProps) => (
  <TextArea
    name="redirect_uris"
    rows={4}
    isAddresses
    label={labels.redirect_uris}
    hint={
      <>
        Where users are sent back to, one a line: https, or http on a loopback address. A mobile or
        desktop application may have a scheme with a dot, such as{' '}
        <code>com.example.app:/callback</code>. A program without users has none.
      </>
    }
    value={typed.redirect_uris}
    problem={problem?.errors.redirect_uris}
  />
)

const Keys = ({ typed, labels, frame: { problem } }: ClientFormProps) => {
  const errors = problem?.errors ?? {}
  const isNeeded = [typed.jwks, typed.jwks_uri, errors.jwks, errors.jwks_uri].some(Boolean)
  return (
    <details open={isNeeded}>
      <summary>Keys in place of a secret</summary>
      <p class="hint">
        For a web application with a server or a program without users that signs a JWT for each
        request (<code>private_key_jwt</code>). With neither of the two it gets a secret.
      </p>
      <KeyFields typed={typed} labels={labels} errors={errors} />
    </details>
  )
}

export const NewClientPage = (p: ClientFormProps) => (
  <PortalFrame {...p.frame} title="Register a client">
    <PostForm action="/new-client" hidden={p.hidden}>
      <Fields {...p} />
      <Options
        name="kind"
        type="radio"
        legend="What is it?"
        problem={p.frame.problem?.errors.kind}
        options={Object.entries(KIND_WORDS).map(([value, [label, hint]]) => ({
          value,
          label,
          hint,
          isChecked: p.typed.kind === value,
        }))}
      />
      <RedirectUris {...p} />
      <Keys {...p} />
      <Submit>Register</Submit>
    </PostForm>
  </PortalFrame>
)

export const EditClientPage = (
  p: ClientFormProps & Readonly<{ clientId: string; name: string; isListed: boolean }>,
) => (
  <PortalFrame {...p.frame} title="Edit a client" about={p.name}>
    <p class="lead">
      Users who allowed it are asked again if anything here changes. Removing a redirect URI ends
      the codes and access tokens of the client.
      {p.isListed &&
        ' If you change more than the redirect URIs, the client leaves the directory until an approver has decided again.'}
    </p>
    <PostForm action={clientPath(p.clientId, 'edit')} hidden={p.hidden}>
      <Fields {...p} />
      <RedirectUris {...p} />
      <div class="actions">
        <button class="primary" type="submit">
          Save
        </button>
        <a class="button" href={clientPath(p.clientId)}>
          Cancel
        </a>
      </div>
    </PostForm>
  </PortalFrame>
)
