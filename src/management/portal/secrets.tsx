/** `/clients/{id}/secrets`: the secrets of a client, and the form that makes a new one. */

import { type Credential, liveCredentials } from '../../domain/client.ts'
import { rotateSecret } from '../../flows/registration/clients.ts'
import { useSecret } from '../../flows/registration/own-credentials.ts'
import { NewSecretPage, SecretsPage } from '../../pages/portal/secret-pages.tsx'
import { invalid } from '../../protocol/registration/errors.ts'
import type { OwnClient } from '../../stores/shown-client.ts'
import { methodOf } from './key-form.ts'
import { ownClientPage, readClient } from './own-client.tsx'
import { sendPortalPage, type Visit } from './portal-page.tsx'

const LABELS = { overlap: 'How long the secrets stay good' }
/** The overlaps that a user can choose, in seconds. */
const OVERLAPS = [3600, 86_400, 604_800, 0]
const USUAL_OVERLAP = 86_400

const endOf = ({ expiresAt }: Credential) => expiresAt ?? Number.MAX_SAFE_INTEGER

/** Secrets that were made in the same second are ordered by their end: the one that ends first is older. */
const newestFirst = (credentials: readonly Credential[]) =>
  credentials.toSorted((a, b) => b.createdAt - a.createdAt || endOf(b) - endOf(a))

const overlapIn = (posted: URLSearchParams) =>
  OVERLAPS.find((seconds) => String(seconds) === posted.get('overlap'))

function requireOverlap(posted: URLSearchParams): number {
  const overlap = overlapIn(posted)
  if (overlap !== undefined) return overlap
  throw invalid('choose how long the secrets above stay good', 'overlap')
}

function sendNewSecret(
  visit: Visit<OwnClient>,
  { record, clientSecret }: Awaited<ReturnType<typeof rotateSecret>>,
) {
  const notice = { done: 'The client has a new secret.', hasCopyScript: true }
  return sendPortalPage(visit, notice, (frame) => (
    <NewSecretPage
      frame={frame}
      title="A new secret"
      clientId={record.clientId}
      name={record.name}
      clientSecret={clientSecret}
    />
  ))
}

export const secretsPage = ownClientPage({
  page: 'secrets',
  read: readClient,
  async show({ c, found: { client } }, { shared, posted, headOf }) {
    const overlap = posted === null ? USUAL_OVERLAP : overlapIn(posted)
    return (
      <SecretsPage
        {...shared}
        method={methodOf(client)}
        useSecret={await headOf('use_secret')}
        secrets={newestFirst(liveCredentials(client, c.var.request.now))}
        rotation={await headOf('rotate_secret')}
        overlaps={OVERLAPS.map((seconds) => ({ seconds, isChecked: seconds === overlap }))}
      />
    )
  },
  words: { labels: LABELS },
  forms: {
    rotate_secret: {
      async perform({ visit, act, clientId, posted, version }) {
        const overlap = requireOverlap(posted)
        return sendNewSecret(visit, await rotateSecret(act, clientId, overlap, version))
      },
    },
    use_secret: {
      perform: async ({ visit, act, clientId, version }) =>
        sendNewSecret(visit, await useSecret(act, clientId, version)),
    },
  },
})
