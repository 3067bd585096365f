/** `/clients/{id}/secrets`: the secrets of a client, and a new one. */

import { type Credential, liveCredentials } from '../../domain/client.ts'
import { ALL_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'
import { rotateSecret } from '../../flows/registration/clients.ts'
import { useSecret } from '../../flows/registration/own-credentials.ts'
import { NewSecretPage, SecretsPage } from '../../pages/portal/secret-pages.tsx'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import type { OwnClient } from '../../stores/portal.ts'
import { actOf, attempt, clientFormFields, type Refused } from './attempt.ts'
import { methodOf } from './key-form.ts'
import { frameOf, portalPage, sendPortalPage, type Visit } from './portal-page.tsx'

const FORM = 'rotate_secret'
const USE_SECRET = 'use_secret'
const LABELS = { overlap: 'How long the secrets stay good' }
/** Seconds. */
const OVERLAPS = [3600, 86_400, 604_800, 0]
const USUAL_OVERLAP = 86_400

const endOf = ({ expiresAt }: Credential) => expiresAt ?? Number.MAX_SAFE_INTEGER

/** Secrets made in the same second are ordered by their end: the one that ends first is older. */
const newestFirst = (credentials: readonly Credential[]) =>
  credentials.toSorted((a, b) => b.createdAt - a.createdAt || endOf(b) - endOf(a))

async function show(visit: Visit<OwnClient>, overlap: number | null, refused?: Refused) {
  const { client } = visit.found
  const { clientId, name } = client
  const hiddenOf = (form: string) => clientFormFields(visit, form, client)
  const page = (
    <SecretsPage
      frame={await frameOf(visit, { problem: refused?.problem ?? null })}
      clientId={clientId}
      name={name}
      method={methodOf(client)}
      useSecret={await hiddenOf(USE_SECRET)}
      endsWithin={ALL_REVOKED_WITHIN_SECONDS}
      secrets={newestFirst(liveCredentials(client, visit.c.var.request.now))}
      hidden={await hiddenOf(FORM)}
      overlaps={OVERLAPS.map((seconds) => ({ seconds, isChecked: seconds === overlap }))}
    />
  )
  return sendPortalPage(visit, page, refused ?? {})
}

function requireOverlap(overlap: number | undefined): number {
  if (overlap !== undefined) return overlap
  const sentence = 'choose how long the secrets above stay good'
  throw new RegistrationError('invalid', sentence, 'overlap')
}

export const secretsPage = portalPage<OwnClient>({
  path: '/clients/:client_id/secrets',
  read: ({ reader, visitor, c }) => reader.client(visitor, c.req.param('client_id') ?? ''),
  get: (visit) => show(visit, USUAL_OVERLAP),
  async post(visit, form) {
    const { clientId } = visit.found.client
    const overlap = OVERLAPS.find((seconds) => String(seconds) === form.get('overlap'))
    const isInPlaceOfKeys = form.get('act') === USE_SECRET
    const asked = { form: isInPlaceOfKeys ? USE_SECRET : FORM, id: clientId, labels: LABELS }
    const attempted = await attempt(visit, form, asked, async (version) =>
      isInPlaceOfKeys
        ? useSecret(actOf(visit), clientId, version)
        : rotateSecret(actOf(visit), clientId, requireOverlap(overlap), version),
    )
    if (attempted.kind === 'refused') return show(visit, overlap ?? null, attempted)
    const { record, clientSecret } = attempted.done
    const page = (
      <NewSecretPage
        frame={await frameOf(visit, { done: 'The client has a new secret.' })}
        title="A new secret"
        clientId={clientId}
        name={record.name}
        clientSecret={clientSecret}
      />
    )
    return sendPortalPage(visit, page, { hasCopyScript: true })
  },
})
