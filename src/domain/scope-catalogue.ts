/** What an operator declares of scopes and categories, and the sentences that users consent to. */

import { EVERY_CATEGORY } from './category.ts'
import { isRegistryScope, type RegistryScope } from './registry-scopes.ts'
import { readHierarchy, scopeCovers } from './scope.ts'

/** The limit bounds what one read of all declared scopes, or of all categories, returns. */
export const MAX_DECLARED = 1000

export type ScopeFields = Readonly<{
  /** What the scope allows, for people. */
  sentence: string
  /** May clients that register themselves have the scope without approval? */
  selfRegistered: boolean
  /** The consent page marks the scope, and consent to it is never remembered. */
  sensitive: boolean
}>

/** A declared scope. Instants in epoch seconds. */
export type ScopeRecord = ScopeFields &
  Readonly<{
    name: string
    createdAt: number
    updatedAt: number
    /** Every act of an administrator raises the version. */
    version: number
  }>
export type NewScope = ScopeFields & Readonly<{ name: string }>

/** The title of an archive (`cs`) or of a category (`cs.DL`). */
export type Category = Readonly<{ name: string; title: string }>

export type DeclaredScope = Readonly<{
  name: string
  sentence: string
  /** True if consent to the scope is never remembered. */
  isSensitive: boolean
}>

/** The declarations by name: all of them, or at least those that the described permissions need. */
export type Catalogue = Readonly<{
  scopes: ReadonlyMap<string, DeclaredScope>
  titles: ReadonlyMap<string, string>
}>

/** The registry's own scopes. They are sensitive, and cannot be declared. */
const REGISTRY_SENTENCES: Readonly<Record<RegistryScope, string>> = {
  'registry:read':
    'See all applications and users that are registered here, and what administrators did',
  'registry:clients': 'Change and delete the applications that are registered here',
  'registry:users': 'Change and delete the users that are registered here',
  'registry:sessions': 'End the sessions of any application and of any user',
  'registry:register': 'Register applications here, which then have what needs no approval',
  'registry:approve': 'Decide what the applications that are registered here may do',
  'registry:admin': 'Change everything in this registry, also who may administer it',
}
const REGISTRY_SCOPES: Catalogue['scopes'] = new Map(
  Object.entries(REGISTRY_SENTENCES).map(([name, sentence]) => [
    name,
    { name, sentence, isSensitive: true },
  ]),
)

export type DescribedScope = Readonly<{ scope: string; sentence: string; isSensitive: boolean }>

/**
 * `d:a:ID` has its own sentence if it is declared, and otherwise the sentence of `d:a` with the resource. It is sensitive if
 * it, `d:a` or a scope that it covers is sensitive. A scope that is not declared is described by its own name.
 */
export function describeScope(scope: string, catalogue: Catalogue): DescribedScope {
  const isOwn = isRegistryScope(scope)
  const scopes = isOwn ? REGISTRY_SCOPES : catalogue.scopes
  const { general, resource } = readHierarchy(scope) ?? { general: scope, resource: null }
  const declared = scopes.get(general)
  const words = declared?.sentence ?? `Use the permission “${general}”`
  const sentence = scopes.get(scope)?.sentence ?? withResource(words, resource)
  const isSensitive =
    isOwn ||
    declared?.isSensitive === true ||
    [...scopes.values()].some((one) => one.isSensitive && scopeCovers(scope, one.name))
  return { scope, sentence, isSensitive }
}

export const isDeclaredScope = (scope: string, { scopes }: Catalogue) =>
  isRegistryScope(scope) || scopes.has(scope) || scopes.has(readHierarchy(scope)?.general ?? scope)

function withResource(words: string, resource: string | null): string {
  if (resource === null) return words
  return resource === '*' ? `${words} (all of them)` : `${words} (only “${resource}”)`
}

export type DescribedEndorsement = Readonly<{ endorsement: string; sentence: string }>

export const describeEndorsement = (
  endorsement: string,
  catalogue: Catalogue,
): DescribedEndorsement => ({
  endorsement,
  sentence: endorsementSentence(endorsement, catalogue),
})

export const archiveOf = (endorsement: string) => endorsement.replace(/\..*/, '')

/** `cs` and `cs.*` (all of `cs`) are declared if the archive is; `cs.DL` is declared if the category is. */
export const isDeclaredEndorsement = (endorsement: string, { titles }: Catalogue) =>
  endorsement === EVERY_CATEGORY || titles.has(endorsement.replace(/\.\*$/, ''))

export function endorsementSentence(endorsement: string, { titles }: Catalogue): string {
  if (endorsement === EVERY_CATEGORY) return 'Submit in every category'
  const archive = archiveOf(endorsement)
  const [category] = endorsement.split('.').slice(1)
  const name = titles.get(archive) ?? archive
  if (category === '*') return `Submit in every category of ${name}`
  if (category === undefined) return `Submit in ${name}`
  const title = titles.get(endorsement)
  const named = title === undefined ? endorsement : `${endorsement} (${title})`
  return `Submit in ${named}, a category of ${name}`
}
