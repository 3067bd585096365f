/** What an administrator does to the list of hosts of client metadata documents. Each verb throws a RegistrationError for what is refused. */

import {
  canonicalHost,
  type DocumentHostFields,
  type DocumentHostRecord,
  type NewDocumentHost,
} from '../../domain/document-host.ts'
import { MAX_DECLARED } from '../../domain/scope-catalogue.ts'
import { quote, RegistrationError } from '../../protocol/registration/errors.ts'
import type {
  Changed,
  DocumentHostRegistry,
  RegistrationPorts,
} from '../../stores/registration-ports.ts'
import {
  type Act as AnyAct,
  authorOf,
  changeRecord,
  type ExpectedVersion,
  type Outcome,
} from './change.ts'
import { requireAdmin } from './privileged.ts'

type Act = AnyAct<Pick<RegistrationPorts, 'documentHosts' | 'revocations'>>

const WHAT = 'listing hosts of client metadata documents'

const unknown = (host: string) =>
  new RegistrationError('not_found', `the host ${quote(host)} is not listed`, 'host')

/** As it is kept, however it was written. */
const keyOf = (host: string) => canonicalHost(host) ?? host

export async function findDocumentHost(
  { ports }: Readonly<{ ports: Readonly<{ documentHosts: Pick<DocumentHostRegistry, 'find'> }> }>,
  host: string,
): Promise<DocumentHostRecord> {
  const listed = await ports.documentHosts.find(keyOf(host))
  if (!listed) throw unknown(host)
  return listed
}

/** It may be called again: the same rule changes nothing, the other rule is a conflict. */
export async function createDocumentHost(
  act: Act,
  given: NewDocumentHost,
): Promise<Outcome<DocumentHostRecord> & Readonly<{ isNew: boolean }>> {
  requireAdmin(act.actor, WHAT)
  const { documentHosts } = act.ports
  const created = await documentHosts.create(given, authorOf(act))
  if (created === 'too_many') {
    throw new RegistrationError('conflict', `at most ${MAX_DECLARED} hosts can be listed`)
  }
  if (created) return { record: created, notes: [], isNew: true }
  const record = await documentHosts.find(given.host)
  if (record?.rule === given.rule) return { record, notes: [], isNew: false }
  const sentence = `the host ${quote(given.host)} is listed with the other rule`
  throw new RegistrationError('conflict', sentence, 'host')
}

const change = (
  act: Act,
  host: string,
  expected: ExpectedVersion,
  decided: (before: DocumentHostRecord) => Promise<Changed<DocumentHostRecord>>,
) => {
  requireAdmin(act.actor, WHAT)
  return changeRecord(act, expected, {
    find: () => act.ports.documentHosts.find(keyOf(host)),
    unknown: () => unknown(host),
    change: decided,
  })
}

export const updateDocumentHost = async (
  act: Act,
  host: string,
  fields: Partial<DocumentHostFields>,
  expected: ExpectedVersion = null,
): Promise<Outcome<DocumentHostRecord>> =>
  change(act, host, expected, (before) =>
    act.ports.documentHosts.update(before, fields, authorOf(act)),
  )

/** Returns the host as it was listed. */
export const deleteDocumentHost = async (
  act: Act,
  host: string,
  expected: ExpectedVersion = null,
): Promise<Outcome<DocumentHostRecord>> =>
  change(act, host, expected, (before) => act.ports.documentHosts.delete(before, authorOf(act)))
