/** `resource VERB …`: the services that tokens are for. */

import type { Command } from 'commander'
import { requireValid } from '../protocol/registration/field.ts'
import { RESOURCE_FIELDS } from '../protocol/registration/resource-fields.ts'
import { resourceUriSchema } from '../protocol/registration/shared-fields.ts'
import { addVerbs, plainVerbs, updateVerb, WITHIN } from './call-verbs.ts'
import { listVerb } from './list-verb.ts'
import { bodyOf, type Given, optionsOf, readGiven } from './options.ts'
import type { Io } from './verb.ts'

const RESOURCES = {
  path: '/resources',
  argument: '<uri>',
  example: 'https://files.example',
} as const

export function addResourceCommands(program: Command, io: Io) {
  const noun = program
    .command('resource')
    .description('Resources: the services that tokens are for')
  addVerbs(noun, io, [
    {
      usage: 'create <uri>',
      description:
        'Declare a resource (RFC 8707): a service that clients can ask for tokens for. Such a token has only scopes that belong to the service, and other services can refuse it.',
      example: `${RESOURCES.example} --name "Your files" --scope "files:read files:write"`,
      options: optionsOf(RESOURCE_FIELDS, true),
      call(text: string, options: Given) {
        const uri = requireValid(resourceUriSchema(), text, 'uri')
        const body = { uri, ...bodyOf(readGiven(RESOURCE_FIELDS, options)) }
        return { method: 'POST', path: RESOURCES.path, body }
      },
    },
    updateVerb(RESOURCES, RESOURCE_FIELDS, {
      description: `Change a resource. The scopes that are given replace the old ones. If it loses a scope or begins to demand DPoP, access tokens for it end ${WITHIN}; refresh tokens stay good for what is left. Users are asked again where its name has changed.`,
      example: `${RESOURCES.example} --require-dpop`,
    }),
    ...plainVerbs(RESOURCES, {
      delete: `Delete a resource; prints what it was. Access tokens for it end ${WITHIN}, and refresh tokens and codes get none for it, also if it is declared again. Refused while it is a client's default resource.`,
      show: 'Print one resource.',
    }),
  ])
  listVerb(noun, io, {
    description: 'Print the resources in the order of their URIs, a line each.',
    example: '--json',
    path: RESOURCES.path,
    columns: ['uri', 'name', 'access_token_lifetime_seconds', 'require_dpop', 'token_format'],
  })
}
