/** What an administrator does to hosts of client metadata documents. Each verb throws a RegistrationError if refused. */

import { canonicalHost, type DocumentHostRecord } from '../../domain/document-host.ts'
import { DOCUMENT_HOST_FORM } from '../../protocol/registration/document-host-fields.ts'
import { type Act, authorOf, type ExpectedVersion, type Outcome } from './change.ts'
import { declaredVerbs } from './declared.ts'

const hosts = declaredVerbs({
  form: DOCUMENT_HOST_FORM,
  storeOf: ({ documentHosts }) => documentHosts,
  keyOf: (host) => canonicalHost(host) ?? host,
  what: 'listing hosts of client metadata documents',
  unknown: (host) => `the host ${host} is not listed`,
  isOther: (host) => `the host ${host} is listed with the other rule`,
  tooMany: 'hosts can be listed',
})

export const {
  find: findDocumentHost,
  create: createDocumentHost,
  update: updateDocumentHost,
} = hosts

/** Returns the host as it was listed. */
export const deleteDocumentHost = (
  act: Act,
  host: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<DocumentHostRecord>> =>
  hosts.change(act, host, expected, (before) => {
    const detail = DOCUMENT_HOST_FORM.auditOf(before.host, before)
    return act.ports.documentHosts.delete(before, authorOf(act), detail)
  })
