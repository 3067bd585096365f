/** `doctor`: which guarantees of the deployment hold, one line each, and what to do about those that do not. */

import type { Command } from 'commander'
import { Refusal } from '../local/refusal.ts'
import { type Finding, isGuarded } from './doctor/check.ts'
import { type Form, type Io, plainOptions, refuseUsage, verb, writeOut } from './verb.ts'

const NAME_WIDTH = 14
const MARKS = { ok: 'ok  ', FAIL: 'FAIL', 'not checked': '-   ' } as const

export const lineOf = (finding: Finding) => {
  const { check, state, seen } = finding
  const what = state === 'not checked' ? `not checked: ${seen}` : seen
  const toDo = finding.toDo === null ? '' : `. To do: ${finding.toDo}`
  return `${MARKS[state]}  ${check.padEnd(NAME_WIDTH)}${what}${toDo}\n`
}

const documentOf = (finding: Finding) => ({
  check: finding.check,
  state: finding.state.replace(' ', '_').toLowerCase(),
  seen: finding.seen,
  to_do: finding.toDo,
})

export function addDoctorCommand(program: Command, io: Io) {
  verb(program, {
    usage: 'doctor',
    description:
      'Check which guarantees of the deployment hold. Safe at any time: it makes a temporary client and user, tries ' +
      'them, and removes them. Ends with status 1 if a guarantee does not hold.',
    example: '--remote --authenticator https://authenticator.example.org',
    options: plainOptions({
      '--authenticator <url>': 'where the authenticator serves; needed with --remote only',
    }),
  }).action(async (options: Form & { authenticator?: string }, command: Command) => {
    const { json = false, remote = false, authenticator } = options
    if (authenticator !== undefined && !isGuarded(authenticator)) {
      refuseUsage(command, '--authenticator must be an https URL, or one of this machine')
    }
    const where = {
      isDeployed: remote,
      authenticatorUrl: authenticator?.replace(/\/+$/, '') ?? null,
    }
    const { runDoctor } = await import('./doctor/doctor.ts')
    const findings: Finding[] = []
    const failed = await runDoctor(io, where, async (one) => {
      findings.push(one)
      if (!json) await writeOut(io, lineOf(one))
    })
    if (json) await writeOut(io, `${JSON.stringify(findings.map(documentOf))}\n`)
    if (failed > 0) throw new Refusal(`${failed} of ${findings.length} checks failed`)
  })
}
