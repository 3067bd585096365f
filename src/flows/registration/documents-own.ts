/** What the metadata document of a client says, which no operator changes: the next reading would undo it. */

import { type ClientFields, type ClientRecord, NO_DETAILS } from '../../domain/client.ts'
import type { GivenClient } from '../../protocol/registration/client-fields.ts'
import { conflict } from '../../protocol/registration/errors.ts'
import { snakeCase } from '../../protocol/registration/field.ts'
import { changedFields, isSameSet } from './change.ts'

const DOCUMENTS_OWN: readonly string[] = [
  ...['name', 'url', 'description', 'authMethod', 'jwks'],
  ...Object.keys(NO_DETAILS),
]

const hasDocument = ({ selfRegistered }: ClientRecord) => selfRegistered?.kind === 'document'

/** Throws for a change of what the document says. The same values are no change. */
export function requireOperatorsOwn(
  before: ClientRecord,
  { fields, lists }: Pick<GivenClient, 'fields' | 'lists'>,
) {
  if (!hasDocument(before)) return
  const [field] = Object.keys(changedFields<ClientFields>(before, fields))
    .filter((name) => DOCUMENTS_OWN.includes(name))
    .map(snakeCase)
  const isMoved = lists.redirectUris && !isSameSet(before.redirectUris, lists.redirectUris)
  const changed = field ?? (isMoved ? 'redirect_uris' : undefined)
  if (changed === undefined) return
  const sentence =
    'the metadata document at the id of the client says what {field} is: only its author can change it'
  throw conflict(sentence, changed)
}

/** For the person who deletes a client. */
export const comesAgainNotes = (deleted: ClientRecord) =>
  hasDocument(deleted)
    ? [
        'the client is registered again by its document when somebody signs in with it: client disable keeps it out',
      ]
    : []
