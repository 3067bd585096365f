/** The fields that a client's metadata document sets. An operator cannot change them: the next reading would undo it. */

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

/** Throws for a change of a field that the document sets. The same value is no change. */
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

/** Notes for the person who deletes the client: its document registers the client again. */
export const comesAgainNotes = (deleted: ClientRecord) =>
  hasDocument(deleted)
    ? [
        'the client is registered again by its document when somebody signs in with it: client disable keeps it out',
      ]
    : []
