/** `express-oauth2-jwt-bearer` verifies signed tokens of `npm start` with the key set. */

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePorts } from '../node/free-ports.ts'
import { type Program, startProgram } from '../node/program.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from '../node/recorded-registry.ts'
import type { RegisteredClient } from '../node/running-registry.ts'

const FILES = 'https://files.example'
const ELSEWHERE = 'https://elsewhere.example'

let product: RecordedRegistry
let client: RegisteredClient
let service: Program
let url: string

beforeAll(async () => {
  product = await startRecordedRegistry()
  const scopes = 'files:read files:write'
  for (const uri of [FILES, ELSEWHERE]) await product.newResource(uri, scopes, 'jwt')
  client = await product.newClient('client_secret', '--scope', scopes)
  const [port] = await freePorts(1)
  url = `http://127.0.0.1:${port}/`
  const program = join(import.meta.dirname, 'programs/express-bearer.mjs')
  const words = [program, product.registry, FILES, 'files:read', String(port)]
  service = startProgram(process.execPath, words)
  await service.untilPrints('READY')
})
afterAll(async () => {
  await service?.end()
  await product?.end()
})

async function statusFor(resource: string, scope: string) {
  const token = await product.tokenFor(client, { resource, scope })
  return (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).status
}

describe('express-oauth2-jwt-bearer', () => {
  it('express-oauth2-jwt-bearer accepts a signed token for its service, and refuses one for another service or without the scope', async () => {
    const statuses = [
      await statusFor(FILES, 'files:read'),
      await statusFor(ELSEWHERE, 'files:read'),
      await statusFor(FILES, 'files:write'),
    ]
    expect(statuses).toEqual([200, 401, 403])
  })
})

leavesNoSecret(() => product, {
  ...{ secrets: 8, line: 1, row: 15, key: 0, value: 0, file: 5, answer: 5 },
})
