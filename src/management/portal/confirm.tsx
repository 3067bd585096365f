/** `/clients/{id}/disable`, `/enable`, `/delete` and `/leave`: each page asks first, and names what ends. */

import type { Child } from 'hono/jsx'
import type { ClientRecord } from '../../domain/client.ts'
import { deleteClient, disableClient, enableClient } from '../../flows/registration/clients.ts'
import { leaveClient } from '../../flows/registration/owners.ts'
import { Name } from '../../pages/parts.tsx'
import { ConfirmPage } from '../../pages/portal/confirm-page.tsx'
import { clientPath } from '../../pages/portal/frame.tsx'
import type { OwnClient } from '../../stores/shown-client.ts'
import { isInDirectory, nameOf, stateOf } from './clients.tsx'
import { TOKENS_END } from './done.ts'
import { type Form, ownClientPage, readClient } from './own-client.tsx'
import type { Visit } from './portal-page.tsx'

const ENDS = ['Its codes and refresh tokens end at once.', TOKENS_END]

type Confirmed = Form<OwnClient> &
  Readonly<{
    title: string
    button: string
    ends: (visit: Visit<OwnClient>) => readonly Child[]
    isPossible?: (found: OwnClient) => boolean
  }>

const LEAVES_DIRECTORY = 'It leaves the directory until an approver has decided again.'

/** The owners are in the order in which they would become the first owner. */
function leaving({ deps, found, user }: Visit<OwnClient>): readonly Child[] {
  const { client, owners, offers } = found
  const [first, next] = owners
  if (next === undefined) {
    const asked = offers.filter(({ declinedAt }) => declinedAt === null)
    return [
      <>
        You are its only owner, so you cannot leave it.{' '}
        <a href={clientPath(client.clientId, 'owners')}>Offer it to another user</a>, and leave once
        they have accepted, or <a href={clientPath(client.clientId, 'delete')}>delete it</a>.
      </>,
      ...asked.map((offer) => (
        <>
          <Name>{nameOf(offer, user)}</Name> was offered it, and has not accepted yet.
        </>
      )),
    ]
  }
  return [
    'You no longer see or change it. Only another owner can offer it to you again.',
    ...(first?.userId === user.userId
      ? [
          <>
            <Name>{nameOf(next, user)}</Name> becomes the first owner, whom the consent page names.
          </>,
          ...(isInDirectory(deps, client) ? [LEAVES_DIRECTORY] : []),
        ]
      : []),
  ]
}

const mayBeEnabled = (client: ClientRecord) => stateOf(client) !== 'disabled_by_operator'

const ACTS: Readonly<Record<string, Confirmed>> = {
  disable: {
    title: 'Disable this client?',
    button: 'Disable it',
    ends: () => [
      ...ENDS,
      'It gets no new tokens until you enable it again. Nothing that ended comes back.',
    ],
    perform: ({ act, clientId, version }) => disableClient(act, clientId, version),
    done: 'disabled',
  },
  enable: {
    title: 'Enable this client?',
    button: 'Enable it',
    ends: ({ found: { client } }) =>
      mayBeEnabled(client)
        ? ['It gets tokens again. Nothing that ended comes back.']
        : ['The operator has disabled it. Only the operator can enable it.'],
    isPossible: ({ client }) => mayBeEnabled(client),
    perform: ({ act, clientId, version }) => enableClient(act, clientId, version),
    done: 'enabled',
  },
  delete: {
    title: 'Delete this client?',
    button: 'Delete it',
    ends: () => [
      ...ENDS,
      'Its id and its secrets stop working, and it cannot be brought back.',
      'A client that replaces it must ask its users again.',
    ],
    perform: ({ act, clientId, version }) => deleteClient(act, clientId, version),
    done: 'deleted',
    next: '/clients',
  },
  leave: {
    title: 'Leave this client?',
    button: 'Leave it',
    ends: leaving,
    isPossible: ({ owners }) => owners.length > 1,
    perform: ({ visit, act, clientId, version }) =>
      leaveClient(act, clientId, visit.deps.settings.clientsPerUser, version),
    done: 'left',
    next: '/clients',
  },
}

export const confirmPages = Object.entries(ACTS).map(
  ([page, { title, button, ends, isPossible = () => true, ...form }]) =>
    ownClientPage({
      page,
      read: readClient,
      show: async (visit, { shared, headOf }) => (
        <ConfirmPage
          {...{ ...shared, title, button }}
          ends={ends(visit)}
          form={isPossible(visit.found) ? await headOf(page) : null}
        />
      ),
      forms: { [page]: form },
    }),
)
