/** The form that registers a client, and the form that edits a client. */

import type { ClientKind } from '../../domain/client-kind.ts'
import { type FormHead, PostForm, Submit } from '../parts.tsx'
import { type FormProps, fieldsOf, Options, TextArea, TextField } from './fields.tsx'
import { clientPath, PortalFrame } from './frame.tsx'
import { KEY_LABELS, KeyFields } from './keys-page.tsx'

export const CLIENT_LABELS = {
  name: 'Name',
  url: 'Web page',
  description: 'Description',
  logo_uri: 'Logo',
  redirect_uris: 'Redirect URIs',
  kind: 'Kind',
  ...KEY_LABELS,
} as const

type ClientFormProps = Readonly<{ form: FormHead }> & FormProps<keyof typeof CLIENT_LABELS>

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

const Fields = (p: ClientFormProps) => {
  const field = fieldsOf(p, CLIENT_LABELS)
  return (
    <>
      <TextField {...field('name')} hint="The name that users know. The consent page shows it." />
      <TextField
        {...field('url')}
        type="url"
        hint="Its own page, http or https. The consent page shows it."
        isOptional
      />
      <TextArea
        {...field('description')}
        rows={3}
        hint="What it is for. The consent page shows it."
        isOptional
      />
      <TextField
        {...field('logo_uri')}
        type="url"
        hint="The address of an image: PNG, JPEG, GIF or WebP, at most 64 KiB. The consent page shows it."
        isOptional
      />
    </>
  )
}

const RedirectUris = (p: ClientFormProps) => (
  <TextArea
    {...fieldsOf(p, CLIENT_LABELS)('redirect_uris')}
    rows={4}
    isAddresses
    hint={
      <>
        Where users are sent back to, one a line: https, or http on a loopback address. A mobile or
        desktop application may have a scheme with a dot, such as{' '}
        <code>com.example.app:/callback</code>. A program without users has none.
      </>
    }
  />
)

const Keys = (p: ClientFormProps) => {
  const isNeeded = (['jwks', 'jwks_uri'] as const)
    .map(fieldsOf(p, CLIENT_LABELS))
    .some(({ value, problem }) => value !== '' || problem !== undefined)
  return (
    <details open={isNeeded}>
      <summary>Keys in place of a secret</summary>
      <p class="hint">
        For a web application with a server or a program without users that signs a JWT for each
        request (<code>private_key_jwt</code>). With neither of the two it gets a secret.
      </p>
      <KeyFields {...p} />
    </details>
  )
}

export const NewClientPage = (p: ClientFormProps) => (
  <PortalFrame {...p.frame} title="Register a client">
    <PostForm {...p.form}>
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
    <PostForm {...p.form}>
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
