/** JSON values that `String` cannot convert: an error that quotes one must not cause a fault. */

import { beforeAll, expect, it } from 'vitest'
import { API, call, newAdministrator } from './administration.ts'
import { type Document, NO_TEXT, type Schema } from './any-call.ts'
import { registry } from './registry.ts'
import { askToRegister, hostMetadata } from './self-registering.ts'

let administrator: Awaited<ReturnType<typeof newAdministrator>>
let document: Document
beforeAll(async () => {
  administrator = await newAdministrator()
  document = await (await registry('/openapi.json')).json()
})

const VALUES = [NO_TEXT, [NO_TEXT], [[NO_TEXT]], { keys: [{ kty: NO_TEXT, crv: NO_TEXT }] }]

it('a registration with a value that String cannot convert, in any member, is answered with 201 or 400', async () => {
  const members = Object.keys(document.components.schemas.ClientCreation?.properties ?? {}).concat(
    'token_endpoint_auth_method',
    'application_type',
    'client_name',
    'scope',
    'jwks',
  )
  for (const member of [
    ...members,
    'redirect_uris',
    'grant_types',
    'response_types',
    'client_uri',
  ]) {
    for (const value of VALUES) {
      const keys = member === 'jwks' && { token_endpoint_auth_method: 'private_key_jwt' }
      const answer = await askToRegister({ ...hostMetadata(), ...keys, [member]: value })
      expect([member, value, [201, 400].includes(answer.status)]).toEqual([member, value, true])
    }
  }
})

const resolved = ({ $ref, ...schema }: Schema): Schema =>
  $ref === undefined
    ? schema
    : (document.components.schemas[$ref.replace('#/components/schemas/', '')] as Schema)

it('a call of the management API with a value that String cannot convert, in any member, causes no fault', async () => {
  const calls = Object.entries(document.paths)
    .filter(([path]) => path.startsWith(API))
    .flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) => {
        const schema = requestBody?.content['application/json']?.schema
        return schema ? [{ path: path.slice(API.length), method, schema: resolved(schema) }] : []
      }),
    )
  expect(calls.length).toBeGreaterThan(10)
  for (const { path, method, schema } of calls) {
    const what =
      `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, 'x')}` as `${string} /${string}`
    for (const member of Object.keys(schema.properties ?? {})) {
      for (const value of VALUES) {
        const body = { [member]: value }
        const { status } = await call(administrator, what, { body, ifMatch: '*' })
        expect([what, member, value, status < 500]).toEqual([what, member, value, true])
      }
    }
  }
})
