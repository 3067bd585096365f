import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { readSigningKeys } from '../../src/crypto/signing-keys.ts'
import { credentialFile, readCredential } from '../../src/local/operators.ts'
import { signingKeysFile } from '../../src/local/settings.ts'
import { type Counts, countsOf, type Evidence, findSecrets, type Trace } from './evidence.ts'
import { type Exchange, issuedBy, secretsShownBy } from './exchange.ts'
import { freePorts } from './free-ports.ts'
import { leftState } from './left-state.ts'
import { recordingProxy } from './recording-proxy.ts'
import {
  JWT_SECRET,
  PROXY_SECRET,
  READY,
  type RunningRegistry,
  startRegistry,
} from './running-registry.ts'

export type RecordedRegistry = RunningRegistry &
  Readonly<{
    /** Adds the output of another program or server. */
    note: (...traces: Trace[]) => void
    /** Adds the response of another server, and returns the response. */
    noted: (where: string, answer: Response) => Promise<Response>
    /** Searches everything for secrets. Stops the registry first. */
    evidence: () => Promise<Evidence>
  }>

export const linesOf = (where: string, text: string): Trace[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ({ kind: 'line', where, text: line }))

/** `settings`: further settings of `npm start`. */
export async function startRecordedRegistry(
  settings: Readonly<Record<string, string>> = {},
): Promise<RecordedRegistry> {
  const secrets = new Map([
    [JWT_SECRET, 'JWT_SECRET'],
    [PROXY_SECRET, 'PROXY_SECRET'],
    // A field may have several secrets while they are rotated.
    ...(settings.WEBHOOK_SECRET ?? '')
      .split(' ')
      .filter(Boolean)
      .map((one) => [one, 'WEBHOOK_SECRET'] as const),
  ])
  const traces: Trace[] = []

  const learn = (value: string, what: string) => secrets.has(value) || secrets.set(value, what)
  const hearAnswer = (request: string, answer: string) => {
    const { issued, rest } = issuedBy({ request, answer })
    for (const [value, what] of issued) learn(value, what)
    traces.push({ kind: 'answer', where: request, text: rest })
  }
  const hear = (exchange: Exchange) => {
    for (const [value, what] of secretsShownBy(exchange)) learn(value, what)
    hearAnswer(exchange.request, exchange.answer)
  }

  const [port, authenticatorPort] = (await freePorts(2)) as [number, number]
  const proxies = [
    await recordingProxy(port, hear),
    await recordingProxy(authenticatorPort, hear),
  ] as const
  const [registry, authenticator] = [proxies[0].origin, proxies[1].origin]
  const closeProxies = () => Promise.all(proxies.map(({ close }) => close()))

  const running = await startRegistry(
    {
      ...settings,
      ISSUER: registry,
      PORT: String(port),
      AUTHENTICATOR_PORT: String(authenticatorPort),
    },
    {
      administered: ([noun, verb], answer) => hearAnswer(`admin ${noun} ${verb}`, answer),
      left: async (stateDir) => traces.push(...(await leftState(stateDir))),
    },
  ).catch(async (fault: unknown) => {
    await closeProxies()
    throw fault
  })
  const { clientSecret, password } = running.demo
  secrets.set(clientSecret, "the demo client's secret").set(password, "the demo user's password")
  const operator = await readCredential(credentialFile(running.stateDir))
  secrets.set(operator?.clientSecret ?? '', "the operator's secret")
  const signing = readSigningKeys(await readFile(signingKeysFile(running.stateDir), 'utf8'))
  for (const { d = '' } of signing) secrets.set(d, 'the private part of a signing key')
  let ended: Promise<void> | undefined
  const endOnce = async () => {
    await closeProxies()
    await running.end()
    // The output at the start contains only the demo's secrets.
    const [welcome = '', log = ''] = running.printed().split(READY)
    const told = welcome.replaceAll(clientSecret, '').replaceAll(password, '')
    traces.push({ kind: 'answer', where: 'npm start', text: told }, ...linesOf('log', log))
  }
  const end = () => {
    ended ??= endOnce()
    return ended
  }
  return {
    ...running,
    registry,
    authenticator,
    welcome: running.welcome
      .replaceAll(`http://127.0.0.1:${port}`, registry)
      .replaceAll(`http://127.0.0.1:${authenticatorPort}`, authenticator),
    note: (...more) => {
      traces.push(...more)
    },
    async noted(where, answer) {
      const headers = [...answer.headers].map((pair) => pair.join(': ')).join('\n')
      const text = `${answer.status}\n${headers}\n\n${await answer.clone().text()}`
      traces.push({ kind: 'answer', where, text })
      return answer
    },
    evidence: async () => {
      await end()
      return { secrets, traces }
    },
    end,
  }
}

/** The last test of a suite. `atLeast`: the minimum that the search must cover. */
export function leavesNoSecret(started: () => Pick<RecordedRegistry, 'evidence'>, atLeast: Counts) {
  describe('secrets after all tests', () => {
    it('no log line, row, key, value, file or response contains a secret, except the response that issues it', async () => {
      const evidence = await started().evidence()
      const counts = Object.entries(countsOf(evidence))
      const tooFew = counts.filter(([name, count]) => count < atLeast[name as keyof Counts])
      expect(tooFew).toEqual([])
      expect(findSecrets(evidence)).toEqual([])
    })
  })
}
