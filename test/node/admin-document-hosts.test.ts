/** `document-host …` of the command line: the output, the rows and the refusals of each verb. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServedState, servedState } from './command-line.ts'

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const hosts = async () =>
  (await state.json<{ host: string; rule: string }[]>(['document-host', 'list'])).map(
    ({ host, rule }) => [host, rule],
  )
const listed = (host: string, rule: string) => ({
  host,
  rule,
  created_at: expect.any(String),
  updated_at: expect.any(String),
})

describe('document-host allow, block, remove and list', () => {
  it('document-host allows, blocks, lists and removes a host in any spelling', async () => {
    expect(await state.json(['document-host', 'allow', 'App.Example.com.'])).toEqual(
      listed('app.example.com', 'allow'),
    )
    const again = await state.json(['document-host', 'allow', 'app.example.com'])
    expect(again).toEqual(listed('app.example.com', 'allow'))
    expect(await state.json(['document-host', 'block', 'APP.example.com'])).toEqual(
      listed('app.example.com', 'block'),
    )
    await state.json(['document-host', 'allow', '*.bücher.example'])
    expect(await hosts()).toEqual([
      ['*.xn--bcher-kva.example', 'allow'],
      ['app.example.com', 'block'],
    ])
    const table = (await state.admin(['document-host', 'list'])).stdout
    expect(table).toMatch(
      /^host +rule\n\*\.xn--bcher-kva\.example +allow\napp\.example\.com +block\n$/,
    )
    const removed = await state.json(['document-host', 'remove', 'app.example.com'])
    expect(removed).toEqual(listed('app.example.com', 'block'))
    await state.json(['document-host', 'remove', '*.bücher.example'])
    expect(await hosts()).toEqual([])
    const acts = await state.json<{ event: string; detail: object }[]>([
      ...['audit', '--event', 'document_host.update'],
    ])
    expect(acts.map(({ detail }) => detail)).toEqual([{ host: 'app.example.com', rule: 'block' }])
  })

  it.each<[words: string[], status: number, said: string]>([
    [['allow', 'https://app.example.com/client.json'], 1, 'is not a host: it must be a host name'],
    [['block', '*'], 1, 'is not a host'],
    [['allow', '10.0.0.1'], 1, 'is not a host'],
    [['allow'], 2, 'host'],
    [['remove', 'none.example.com'], 1, 'the host "none.example.com" is not listed'],
  ])('document-host %j is refused with the status %i and %j', async (words, status, said) => {
    const refused = await state.admin(['document-host', ...words])
    expect(refused.status).toBe(status)
    expect(refused.stderr).toContain(said)
  })
})
