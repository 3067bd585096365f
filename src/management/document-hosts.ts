/** `document-hosts`: hosts whose client metadata documents are accepted or refused. */

import * as z from 'zod/mini'
import type { DocumentHostRecord } from '../domain/document-host.ts'
import {
  createDocumentHost,
  deleteDocumentHost,
  findDocumentHost,
  updateDocumentHost,
} from '../flows/registration/document-hosts.ts'
import {
  DOCUMENT_HOST_CREATION,
  DOCUMENT_HOST_UPDATE,
  documentHostChangeIn,
  documentHostDocument,
  newDocumentHostIn,
} from '../protocol/registration/document-host-fields.ts'
import { changedBy, DOCUMENT_HOST_EXAMPLE, DocumentHostDocument, NOTES } from './documents.ts'
import { named } from './openapi/schemas.ts'
import { operation } from './operation.ts'
import { PAGE, pageOf, pageSchema } from './paging.ts'
import { MAY_DECLARE, MAY_READ_DECLARED } from './scopes.ts'

const noun = 'document hosts'

const Changed = named('ChangedDocumentHost', z.extend(DocumentHostDocument, NOTES))

const changed = changedBy(documentHostDocument)

const answer = (description: string) => ({
  description,
  schema: Changed,
  example: DOCUMENT_HOST_EXAMPLE,
})

export const documentHostOperations = [
  operation({
    method: 'GET',
    path: '/document-hosts',
    name: 'listDocumentHosts',
    noun,
    summary: 'List the allowed and blocked hosts, ordered by host',
    scopes: MAY_READ_DECLARED,
    query: z.strictObject(PAGE),
    answers: {
      200: {
        description: 'A page of hosts.',
        schema: pageSchema(DocumentHostDocument),
        example: { items: [DOCUMENT_HOST_EXAMPLE], next: null },
      },
    },
    async handle({ query: { limit, after = '' }, act }) {
      const rows = await act.ports.documentHosts.page(after, limit)
      const cursorOf = ({ host }: DocumentHostRecord) => host
      return { body: pageOf(rows, limit, { documentOf: documentHostDocument, cursorOf }) }
    },
  }),
  operation({
    method: 'POST',
    path: '/document-hosts',
    name: 'createDocumentHost',
    noun,
    summary: 'Allow or block a host',
    description:
      'The host is kept in its canonical form: IDNA in ASCII, lower case. A blocked host is refused, whatever else allows it. The request can be repeated: the same rule is 200, the other rule is 409.',
    scopes: MAY_DECLARE,
    body: named('DocumentHostCreation', DOCUMENT_HOST_CREATION),
    bodyExample: { host: '*.example.com', rule: 'allow' },
    answers: {
      200: answer('The host was listed with the same rule.'),
      201: answer('The host was listed.'),
    },
    hasVersion: true,
    problems: ['conflict'],
    async handle({ act, body }) {
      const created = await createDocumentHost(act, newDocumentHostIn(body))
      const known = changed(created)
      if (!created.isNew) return known
      const location = `/document-hosts/${encodeURIComponent(created.record.host)}`
      return { ...known, status: 201, location }
    },
  }),
  operation({
    method: 'GET',
    path: '/document-hosts/{host}',
    name: 'getDocumentHost',
    noun,
    summary: 'Show a listed host',
    scopes: MAY_READ_DECLARED,
    answers: {
      200: {
        description: 'The host.',
        schema: DocumentHostDocument,
        example: DOCUMENT_HOST_EXAMPLE,
      },
    },
    hasVersion: true,
    problems: ['not_found'],
    async handle({ act, parameters: { host = '' } }) {
      const listed = await findDocumentHost(act, host)
      return { body: documentHostDocument(listed), version: listed.version }
    },
  }),
  operation({
    method: 'PATCH',
    path: '/document-hosts/{host}',
    name: 'updateDocumentHost',
    noun,
    summary: 'Allow a blocked host, or block an allowed one',
    scopes: MAY_DECLARE,
    body: named('DocumentHostChange', DOCUMENT_HOST_UPDATE),
    bodyExample: { rule: 'block' },
    isConditional: true,
    answers: { 200: answer('The host as it is listed now.') },
    problems: ['not_found'],
    handle: async ({ act, parameters: { host = '' }, body, ifMatch }) =>
      changed(await updateDocumentHost(act, host, documentHostChangeIn(body), ifMatch.version)),
  }),
  operation({
    method: 'DELETE',
    path: '/document-hosts/{host}',
    name: 'deleteDocumentHost',
    noun,
    summary: 'Take a host off the list',
    scopes: MAY_DECLARE,
    isConditional: true,
    answers: { 200: answer('The host as it was listed.') },
    problems: ['not_found'],
    async handle({ act, parameters: { host = '' }, ifMatch }) {
      return { body: changed(await deleteDocumentHost(act, host, ifMatch.version)).body }
    },
  }),
]
