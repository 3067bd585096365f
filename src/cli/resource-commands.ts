/** `resource VERB …`: the services that tokens are for. */

import type { Command } from 'commander'
import type { ResourceFields } from '../domain/resource.ts'
import { requireValid } from '../protocol/registration/field.ts'
import { RESOURCE_FIELDS } from '../protocol/registration/resource-fields.ts'
import { resourceUriSchema } from '../protocol/registration/shared-fields.ts'
import { ANY_VERSION, printChange, WITHIN } from './act.ts'
import { pathOf } from './api.ts'
import { listVerb } from './list-verb.ts'
import { addOptions, bodyOf, readGiven } from './options.ts'
import { type Io, printRead, refuseUsage, verb } from './verb.ts'

const EXAMPLE = 'https://files.example'

function addChanging(resource: Command, io: Io) {
  const create = verb(
    resource,
    'create <uri>',
    'Declare a resource (RFC 8707): a service that clients can ask for tokens for. Such a token has only scopes that belong to the service, and other services can refuse it.',
    `create ${EXAMPLE} --name "Your files" --scope "files:read files:write"`,
  )
  addOptions(create, RESOURCE_FIELDS, true).action(
    (text: string, options: Record<string, unknown>, command: Command) => {
      const uri = requireValid(resourceUriSchema(), text, 'uri')
      const body = { uri, ...bodyOf(readGiven(RESOURCE_FIELDS, options)) }
      return printChange(command, io, { method: 'POST', path: '/resources', body })
    },
  )
  const update = verb(
    resource,
    'update <uri>',
    `Change a resource. The scopes that are given replace the old ones. If it loses a scope or begins to demand DPoP, access tokens for it end ${WITHIN}; refresh tokens stay good for what is left. Users are asked again where its name has changed.`,
    `update ${EXAMPLE} --require-dpop`,
  )
  addOptions(update, RESOURCE_FIELDS).action(
    (uri: string, options: Record<string, unknown>, command: Command) => {
      const fields: Partial<ResourceFields> = readGiven(RESOURCE_FIELDS, options)
      if (Object.keys(fields).length === 0) refuseUsage(command, 'there is nothing to update')
      const path = pathOf`/resources/${uri}`
      const body = bodyOf(fields)
      return printChange(command, io, { method: 'PATCH', path, ...ANY_VERSION, body })
    },
  )
  verb(
    resource,
    'delete <uri>',
    `Delete a resource; prints what it was. Access tokens for it end ${WITHIN}, and refresh tokens and codes get none for it, also if it is declared again. Refused while it is a client's default resource.`,
    `delete ${EXAMPLE}`,
  ).action((uri: string, _options, command: Command) =>
    printChange(command, io, { method: 'DELETE', path: pathOf`/resources/${uri}`, ...ANY_VERSION }),
  )
}

function addReading(resource: Command, io: Io) {
  listVerb(resource, io, {
    description: 'Print the resources in the order of their URIs, a line each.',
    example: '--json',
    path: '/resources',
    columns: ['uri', 'name', 'access_token_lifetime_seconds', 'require_dpop', 'token_format'],
  })
  verb(resource, 'show <uri>', 'Print one resource.', `show ${EXAMPLE}`).action(
    (uri: string, _options, command: Command) =>
      printRead(command, io, { method: 'GET', path: pathOf`/resources/${uri}` }),
  )
}

export function addResourceCommands(program: Command, io: Io) {
  const resource = program.command('resource').description('Resources: what tokens are for')
  addChanging(resource, io)
  addReading(resource, io)
}
