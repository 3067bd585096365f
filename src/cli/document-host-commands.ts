/** `document-host VERB …`: the hosts whose client metadata documents are accepted or refused. */

import type { Command } from 'commander'
import type { HostRule } from '../domain/document-host.ts'
import { documentHostSchema } from '../protocol/registration/document-host-fields.ts'
import { requireValid } from '../protocol/registration/field.ts'
import { ANY_VERSION, type Document, makeChange, printChange } from './act.ts'
import { type ManagementApi, ProblemRefusal, pathOf } from './api.ts'
import { listVerb } from './list-verb.ts'
import { asItIs, type Io, printFrom, verb } from './verb.ts'

const EXAMPLE = 'app.example.com'

/** A host that is listed with the other rule gets this one. */
async function giveRule(
  api: ManagementApi,
  io: Io,
  host: string,
  rule: HostRule,
): Promise<Document> {
  const body = { host, rule }
  try {
    return await makeChange(api, io, { method: 'POST', path: '/document-hosts', body })
  } catch (fault) {
    const isListed =
      fault instanceof ProblemRefusal && fault.status === 409 && fault.field === 'host'
    if (!isListed) throw fault
    const path = pathOf`/document-hosts/${host}`
    return makeChange(api, io, { method: 'PATCH', path, ...ANY_VERSION, body: { rule } })
  }
}

const WORDS: Readonly<Record<HostRule, string>> = {
  allow:
    'Accept client metadata documents of a host, with CLIENT_DOCUMENTS=allowlist. *.example.com stands for all hosts below example.com. A blocked host stays blocked.',
  block:
    'Refuse client metadata documents of a host, whatever else allows the host. *.example.com stands for all hosts below example.com.',
}

export function addDocumentHostCommands(program: Command, io: Io) {
  const host = program
    .command('document-host')
    .description('Hosts whose client metadata documents are accepted or refused')
  for (const rule of ['allow', 'block'] as const) {
    verb(host, `${rule} <host>`, WORDS[rule], `${rule} ${EXAMPLE}`).action(
      (text: string, _options, command: Command) => {
        const given = requireValid(documentHostSchema(), text, 'host')
        return printFrom(command, io, (api) => giveRule(api, io, given, rule), asItIs)
      },
    )
  }
  verb(
    host,
    'remove <host>',
    'Take a host off the list; prints how it was listed.',
    `remove ${EXAMPLE}`,
  ).action((text: string, _options, command: Command) =>
    printChange(command, io, {
      method: 'DELETE',
      path: pathOf`/document-hosts/${text}`,
      ...ANY_VERSION,
    }),
  )
  listVerb(host, io, {
    description: 'Print the listed hosts in the order of their names, a line each.',
    example: '--json',
    path: '/document-hosts',
    columns: ['host', 'rule'],
  })
}
