/** Where a user decides what a client may do. */

import { HiddenFields } from './hidden-fields.tsx'
import { Layout } from './layout.tsx'
import { SignOutForm } from './sign-out-form.tsx'
import { SignedInAs } from './signed-in-as.tsx'
import { WebAddress } from './web-address.tsx'

export type ConsentPageProps = Readonly<{
  client: Readonly<{ name: string; url: string; description: string; ownerId: string }>
  username: string
  scopes: readonly Readonly<{ scope: string; sentence: string }>[]
  /** One sentence each. */
  endorsements: readonly string[]
  /** Origin of the approved redirect URI, e.g. `https://client.example`, or `127.0.0.1:5000`. */
  returnsTo: string
  formToken: string
  signOutToken: string
  /** The authorization request, to be sent again with the answer. */
  request: readonly (readonly [name: string, value: string])[]
  /** Where to come back after signing in as somebody else. */
  thisPage: string
}>

const ClientCard = (p: Pick<ConsentPageProps, 'client'>) => (
  <section class="client" aria-label="The application">
    <p class="client-name">
      <bdi>{p.client.name}</bdi>
    </p>
    {p.client.description !== '' && (
      <p>
        <bdi>{p.client.description}</bdi>
      </p>
    )}
    {p.client.url !== '' && (
      <p class="small">
        <WebAddress address={p.client.url} />
      </p>
    )}
    <p class="small muted">
      Registered by <bdi>{p.client.ownerId}</bdi>
    </p>
  </section>
)

const Scopes = (p: Pick<ConsentPageProps, 'scopes'>) => (
  <fieldset aria-describedby="untick">
    <legend>It asks to be allowed to:</legend>
    <p class="small muted" id="untick">
      Untick anything that you do not want to allow.
    </p>
    {p.scopes.map(({ scope, sentence }) => (
      <label class="choice">
        <input type="checkbox" name="grant" value={scope} checked />
        <span>
          {sentence}
          <code>{scope}</code>
        </span>
      </label>
    ))}
  </fieldset>
)

const Endorsements = (p: Pick<ConsentPageProps, 'endorsements'>) => (
  <section>
    <h2>With your endorsements, it will also be able to:</h2>
    <ul>
      {p.endorsements.map((sentence) => (
        <li>{sentence}</li>
      ))}
    </ul>
  </section>
)

export const ConsentPage = (p: ConsentPageProps) => (
  <Layout title="Allow access to your account?">
    <h1>Allow access to your account?</h1>
    <ClientCard client={p.client} />
    <form method="post" action="/authorize">
      <HiddenFields fields={[...p.request, ['form_token', p.formToken]]} />
      {p.scopes.length > 0 && <Scopes scopes={p.scopes} />}
      {p.endorsements.length > 0 && <Endorsements endorsements={p.endorsements} />}
      <p class="returns">
        Whatever you choose, you will be sent to{' '}
        <strong>
          <bdi>{p.returnsTo}</bdi>
        </strong>
        .
      </p>
      {/* Cancel stands first: a browser answers the Enter key with a form's first button. */}
      <div class="actions">
        <button type="submit" name="confirm" value="cancel" formnovalidate>
          Cancel
        </button>
        <button class="primary" type="submit" name="confirm" value="ok">
          Allow
        </button>
      </div>
    </form>
    <SignedInAs username={p.username}>
      <div class="not-you">
        <span>Not you?</span>
        <SignOutForm formToken={p.signOutToken} nextPage={p.thisPage} />
      </div>
    </SignedInAs>
  </Layout>
)
