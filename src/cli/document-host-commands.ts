/** `document-host VERB …`: the hosts whose client metadata documents are accepted or refused. */

import type { Command } from 'commander'
import type { HostRule } from '../domain/document-host.ts'
import { documentHostSchema } from '../protocol/registration/document-host-fields.ts'
import { requireValid } from '../protocol/registration/field.ts'
import { type Document, type ManagementApi, ProblemRefusal } from './api.ts'
import { addVerbs, changeOf, documentOf } from './call-verbs.ts'
import { listVerb } from './list-verb.ts'
import { type Io, printFrom, verb } from './verb.ts'

const HOSTS = {
  path: '/document-hosts',
  argument: '<host>',
  example: 'app.example.com',
} as const

type Listed = Readonly<{ host: string; rule: HostRule }>

/** Gives the host this rule, also if it is listed with the other rule. */
async function giveRule(api: ManagementApi, io: Io, { host, rule }: Listed): Promise<Document> {
  const body = { host, rule }
  try {
    return await documentOf(api, io, { method: 'POST', path: HOSTS.path, body })
  } catch (fault) {
    const isListed =
      fault instanceof ProblemRefusal && fault.status === 409 && fault.field === 'host'
    if (!isListed) throw fault
    return documentOf(api, io, changeOf(HOSTS, host, { method: 'PATCH', body: { rule } }))
  }
}

const DESCRIPTIONS: Readonly<Record<HostRule, string>> = {
  allow:
    'Accept client metadata documents of a host, with CLIENT_DOCUMENTS=allowlist. *.example.com stands for all hosts below example.com. A blocked host stays blocked.',
  block:
    'Refuse client metadata documents of a host, even if another rule allows the host. *.example.com stands for all hosts below example.com.',
}

export function addDocumentHostCommands(program: Command, io: Io) {
  const noun = program
    .command('document-host')
    .description('Document hosts: whose client metadata documents are accepted or refused')
  for (const rule of ['allow', 'block'] as const) {
    const usage = `${rule} <host>`
    verb(noun, { usage, description: DESCRIPTIONS[rule], example: HOSTS.example }).action(
      (text: string, _options, command: Command) => {
        const host = requireValid(documentHostSchema(), text, 'host')
        return printFrom(command, io, (api) => giveRule(api, io, { host, rule }))
      },
    )
  }
  addVerbs(noun, io, [
    {
      usage: 'remove <host>',
      description: 'Take a host off the list; prints how it was listed.',
      example: HOSTS.example,
      call: (host: string) => changeOf(HOSTS, host, { method: 'DELETE' }),
    },
  ])
  listVerb(noun, io, {
    description: 'Print the listed hosts in the order of their names, a line each.',
    example: '--json',
    path: HOSTS.path,
    columns: ['host', 'rule'],
  })
}
