/** `document-hosts`: hosts whose client metadata documents are accepted or refused. */

import {
  createDocumentHost,
  deleteDocumentHost,
  findDocumentHost,
  updateDocumentHost,
} from '../flows/registration/document-hosts.ts'
import { DOCUMENT_HOST_FORM } from '../protocol/registration/document-host-fields.ts'
import { declaredOperations } from './declared.ts'

export const documentHostOperations = declaredOperations({
  form: DOCUMENT_HOST_FORM,
  path: '/document-hosts',
  name: 'DocumentHost',
  example: {
    host: '*.example.com',
    rule: 'allow',
    created_at: '2026-10-01T12:00:00.000Z',
    updated_at: '2026-10-01T12:00:00.000Z',
  },
  verbs: {
    page: ({ ports }, after, rows) => ports.documentHosts.page(after, rows),
    find: findDocumentHost,
    create: createDocumentHost,
    update: updateDocumentHost,
    delete: deleteDocumentHost,
  },
  list: {
    summary: 'List the allowed and blocked hosts, ordered by host',
    response: 'A page of hosts.',
  },
  create: {
    summary: 'Allow or block a host',
    description:
      'The host is kept in its canonical form: IDNA in ASCII, lower case. A blocked host is refused, even if another rule allows it. The request can be repeated: the same rule is 200, the other rule is 409.',
    bodyExample: { host: '*.example.com', rule: 'allow' },
    known: 'The host was listed with the same rule.',
    response: 'The host was listed.',
  },
  show: { summary: 'Show a listed host', response: 'The host.' },
  update: {
    summary: 'Allow a blocked host, or block an allowed one',
    bodyExample: { rule: 'block' },
    response: 'The host as it is listed now.',
  },
  delete: {
    summary: 'Take a host off the list',
    response: 'The host as it was listed.',
  },
})
