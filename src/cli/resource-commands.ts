/** `resource VERB …`: the services that tokens are for. */

import type { Command } from 'commander'
import { requireValid } from '../protocol/registration/field.ts'
import { RESOURCE_FIELDS } from '../protocol/registration/resource-fields.ts'
import { resourceUriSchema } from '../protocol/registration/shared-fields.ts'
import { addVerbs, changeOf, readOf, updateVerb, WITHIN } from './call-verbs.ts'
import { listVerb } from './list-verb.ts'
import { bodyOf, type Given, optionsOf, readGiven } from './options.ts'
import type { Io } from './verb.ts'

const RESOURCES = { path: '/resources' } as const
const EXAMPLE = 'https://files.example'

export function addResourceCommands(program: Command, io: Io) {
  const noun = program
    .command('resource')
    .description('resources: the services that tokens are for')
  addVerbs(noun, io, [
    {
      usage: 'create <uri>',
      description:
        'Declare a resource (RFC 8707): a service that clients can ask for tokens for. Such a token has only scopes that belong to the service, and other services can refuse it.',
      example: `${EXAMPLE} --name "Your files" --scope "files:read files:write"`,
      options: optionsOf(RESOURCE_FIELDS, true),
      call(text: string, options: Given) {
        const uri = requireValid(resourceUriSchema(), text, 'uri')
        const body = { uri, ...bodyOf(readGiven(RESOURCE_FIELDS, options)) }
        return { method: 'POST', ...RESOURCES, body }
      },
    },
    updateVerb(RESOURCES, RESOURCE_FIELDS, {
      usage: 'update <uri>',
      description: `Change a resource. The scopes that are given replace the old ones. If it loses a scope or begins to demand DPoP, access tokens for it end ${WITHIN}; refresh tokens stay good for what is left. Users are asked again where its name has changed.`,
      example: `${EXAMPLE} --require-dpop`,
    }),
    {
      usage: 'delete <uri>',
      description: `Delete a resource; prints what it was. Access tokens for it end ${WITHIN}, and refresh tokens and codes get none for it, also if it is declared again. Refused while it is a client's default resource.`,
      example: EXAMPLE,
      call: (uri: string) => changeOf(RESOURCES, uri, { method: 'DELETE' }),
    },
    {
      usage: 'show <uri>',
      description: 'Print one resource.',
      example: EXAMPLE,
      call: (uri: string) => readOf(RESOURCES, uri),
    },
  ])
  listVerb(noun, io, {
    description: 'Print the resources in the order of their URIs, a line each.',
    example: '--json',
    ...RESOURCES,
    columns: ['uri', 'name', 'access_token_lifetime_seconds', 'require_dpop', 'token_format'],
  })
}
