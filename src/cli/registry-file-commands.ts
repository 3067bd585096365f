/** `export FILE` and `apply FILE`: the registry as a file that a person edits, reviews and keeps under version control. */

import type { Command } from 'commander'
import { readGivenFile, STANDARD, sourceName, writeGivenFile } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import type { ManagementApi } from './api.ts'
import { readFirstLine } from './input.ts'
import { withApi } from './reach.ts'
import { makeChanges, readState } from './registry-file/apply.ts'
import { type Change, type Plan, planOf, type State, sectionsToRead } from './registry-file/plan.ts'
import { asJson, countedOf, forPeople, headOf, type Printer } from './registry-file/plan-text.ts'
import type { RegistryFile } from './registry-file/read.ts'
import type { Section } from './registry-file/section.ts'
import { SECTIONS } from './registry-file/sections.ts'
import type { FileFormat, FileProblem } from './registry-file/text.ts'
import { counted, printable } from './text-form.ts'
import {
  Ended,
  type Form,
  type Io,
  listOption,
  note,
  plainOptions,
  refuseUsage,
  verb,
  writeOut,
} from './verb.ts'

const MAX_SHOWN_PROBLEMS = 20
/** The status of `apply --check` for a plan that is not empty. */
const CHANGES_FOUND = 2

const SECTION_NAMES = SECTIONS.map(({ name }) => name)

function chosenSections(names: readonly string[] | undefined, command: Command) {
  if (names === undefined) return SECTIONS
  const unknown = names.find((name) => !SECTION_NAMES.includes(name))
  if (unknown !== undefined) {
    const known = SECTION_NAMES.join(', ')
    refuseUsage(command, `--section ${JSON.stringify(unknown)} is not one of ${known}`)
  }
  return SECTIONS.filter(({ name }) => names.includes(name))
}

type ExportOptions = Form & Readonly<{ section?: readonly string[] }>

async function exportTo(file: string, options: ExportOptions, command: Command, io: Io) {
  const { json = false, remote = false } = options
  const sections = chosenSections(options.section, command)
  const state = await withApi({ ...io, remote }, (api) => readState(api, sections))
  const isJson = file === STANDARD ? json : file.toLowerCase().endsWith('.json')
  const format: FileFormat = isJson ? 'json' : 'yaml'
  const { registryText } = await import('./registry-file/text.ts')
  const text = registryText(state, format)
  if (file === STANDARD) return writeOut(io, text)
  await writeGivenFile(file, text)
  const countOf = ({ name }: Section) => state.get(name)?.length ?? 0
  const words = sections.map((section) => countedOf(countOf(section), section)).join(', ')
  const counts = Object.fromEntries(sections.map((section) => [section.name, countOf(section)]))
  const written = json ? JSON.stringify({ file, ...counts }) : `${file}: ${words}`
  return writeOut(io, `${printable(written)}\n`)
}

/** Writes a line for each problem, and then throws one refusal for all of them. */
function refuseFile(io: Io, what: string, problems: readonly FileProblem[]): never {
  const inOrder = [...problems].sort((a, b) => a.line - b.line)
  for (const { line, message } of inOrder.slice(0, MAX_SHOWN_PROBLEMS)) {
    io.stderr.write(`error: line ${line}: ${printable(message)}\n`)
  }
  const more =
    problems.length > MAX_SHOWN_PROBLEMS ? `, of which ${MAX_SHOWN_PROBLEMS} are shown` : ''
  const count = counted(problems.length, 'problem')
  throw new Refusal(`${what} has ${count}${more}: nothing was changed`)
}

type ApplyOptions = Form & Readonly<{ prune?: boolean; check?: boolean; yes?: boolean }>

const isTerminal = ({ stdin }: Io) => (stdin as { isTTY?: boolean }).isTTY === true

async function confirm(io: Io) {
  io.stderr.write('Make these changes? Answer yes or no: ')
  const answer = (await readFirstLine(io.stdin)).trim().toLowerCase()
  if (answer !== 'yes' && answer !== 'y') throw new Refusal('nothing was changed')
}

const notMade = (failed: Change, made: number, all: number) =>
  `${made} of ${all} changes are made and stay, and ${headOf(failed)} failed. Run the same command again to make the rest`

type Carrying = Readonly<{ print: Printer; state: State; io: Io }>

async function carryOut(api: ManagementApi, plan: Plan, { print, state, io }: Carrying) {
  const left = new Set(plan.changes)
  const done = async (change: Change) => {
    left.delete(change)
    await print.done(change)
  }
  try {
    await makeChanges(api, plan, state, { ...print, done })
  } catch (fault) {
    const [failed] = left
    if (failed) note(io, notMade(failed, plan.changes.length - left.size, plan.changes.length))
    throw fault
  } finally {
    await print.end([...left])
  }
  const isNewUser = ({ action, section }: Change) => action === 'create' && section.name === 'users'
  if (plan.changes.some(isNewUser)) {
    note(io, 'new users have no password yet: user invite <id> makes a link to set one')
  }
}

async function applyFile(
  api: ManagementApi,
  file: RegistryFile,
  { options, what, io }: Readonly<{ options: ApplyOptions; what: string; io: Io }>,
): Promise<boolean> {
  const { json = false, check = false, prune: prunes = false, yes = false } = options
  const state = await readState(api, sectionsToRead(file, prunes))
  const plan = planOf(file, state, prunes)
  if (plan.problems.length > 0) refuseFile(io, what, plan.problems)
  for (const sentence of plan.notes) note(io, sentence)
  const print = json ? asJson(io) : forPeople(io)
  await print.plan(plan)
  const isEmpty = plan.changes.length === 0
  if (check || isEmpty) {
    await print.end(plan.changes)
    return isEmpty
  }
  if (!yes && !json && isTerminal(io)) await confirm(io)
  await carryOut(api, plan, { print, state, io })
  return true
}

async function apply(file: string, options: ApplyOptions, io: Io) {
  const what = sourceName(file)
  const { readRegistryFile } = await import('./registry-file/read.ts')
  const read = await readRegistryFile(await readGivenFile(file, io.stdin))
  if (read.problems.length > 0) refuseFile(io, what, read.problems)
  const where = { ...io, remote: options.remote ?? false }
  const isAsAsked = await withApi(where, (api) => applyFile(api, read, { options, what, io }))
  if (!isAsAsked) throw new Ended(CHANGES_FOUND)
}

export function addRegistryFileCommands(program: Command, io: Io) {
  const names = SECTION_NAMES.join(', ')
  verb(program, {
    usage: 'export <file>',
    description: `Write the registry as a file: ${names}, without secrets, passwords and dates. YAML, or JSON for a name that ends in .json; - is standard output.`,
    example: 'registry.yaml',
    options: [listOption('--section <name>', `only this section: ${names}`)],
  }).action((file: string, options: ExportOptions, command: Command) =>
    exportTo(file, options, command, io),
  )
  verb(program, {
    usage: 'apply <file>',
    description:
      'Show what differs between the registry and a file, then change the registry to match the file. A section that is not in the file stays as it is, and nothing is deleted without --prune. If a change fails, run the same command again to make the rest. A new client’s secret is printed once. - is standard input.',
    example: 'registry.yaml --check',
    options: plainOptions({
      '--check': `change nothing; exit status ${CHANGES_FOUND} if anything differs`,
      '--prune':
        'delete what the sections of the file do not have, but no client and no user with a registry: scope',
      '--yes': 'do not ask, as in a script, where there is no terminal',
    }),
  }).action((file: string, options: ApplyOptions) => apply(file, options, io))
}
