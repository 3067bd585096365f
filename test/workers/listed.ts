/** The public directory, for the tests: a registry that has one, clients that are listed, and what a page shows. */

import { env } from 'cloudflare:workers'
import { listingStateOf, searchKey, searchKeysOf } from '../../src/domain/directory.ts'
import { listClient, requestListing } from '../../src/flows/registration/listings.ts'
import { DIRECTORY_PATH } from '../../src/pages/directory-page.tsx'
import { unescapeHtml } from '../node/forms.ts'
import { admin, recordOf } from './registering.ts'
import { type Fetch, ISSUER, newClient, newUser, serve } from './registry.ts'

/** The directory is off by default. */
export const withDirectory = serve({ DIRECTORY: 'on' })

export const addressOf = (query: Readonly<Record<string, string>> = {}) => {
  const text = new URLSearchParams(query).toString()
  return text === '' ? DIRECTORY_PATH : `${DIRECTORY_PATH}?${text}`
}

/** Removes the page from the edge cache. */
export const forget = (path: string) => caches.default.delete(ISSUER + path)

const textOf = (html: string) => unescapeHtml(html.replace(/<[^>]*>/g, ''))

const linkIn = (html: string) => {
  const [, address] = /<a href="([^"]*)">Next<\/a>/.exec(html) ?? []
  return address === undefined ? null : textOf(address)
}

export type Shown = Readonly<{
  status: number
  html: string
  names: readonly string[]
  /** Where *Next* leads. */
  next: string | null
}>

/** A page from storage, past the edge cache. */
export async function lookAt(path: string, fetch: Fetch = withDirectory): Promise<Shown> {
  await forget(path)
  const answer = await fetch(path)
  const html = await answer.text()
  const names = [...html.matchAll(/<h2 dir="auto"><bdi>(.*?)<\/bdi><\/h2>/gs)].map(([, name]) =>
    textOf(name ?? ''),
  )
  return { status: answer.status, html, names, next: linkIn(html) }
}

/** The state of a client's listing; null without a listing. */
export const stateOf = async (id: string) => {
  const { listing } = await recordOf(id)
  return listing && listingStateOf(listing)
}

export const search = (q: string) => lookAt(addressOf({ q }))

/** Every page from this one on. */
export async function readAll(path: string, meanwhile?: (page: number) => Promise<void>) {
  const pages: string[][] = []
  for (let next: string | null = path; next !== null; ) {
    const page = await lookAt(next)
    if (page.status !== 200) throw new Error(`${next} answered ${page.status}`)
    pages.push([...page.names])
    next = page.next
    await meanwhile?.(pages.length)
  }
  return pages
}

let made = 0
/** A word that no other client has. */
export const newWord = () => {
  made += 1
  return `unique${String(made).padStart(4, '0')}`
}

type Registration = NonNullable<Parameters<typeof newClient>[0]>

/** A client of a user, which an approver has listed. */
export async function newListed(asked: Registration = {}): Promise<string> {
  const { id } = await newClient({ ownerId: (await newUser()).id, ...asked })
  await requestListing(admin(), id)
  await listClient(admin(), id)
  return id
}

/** Inserts this many listed clients. */
export async function listMany(count: number, nameOf: (n: number) => string) {
  made += 1
  const rows = Array.from({ length: count }, (_, n) => {
    const client = { name: nameOf(n), url: '' }
    const id = `many-${made}-${n}`
    return { id, name: client.name, nameKey: searchKey(client.name), keys: searchKeysOf(client) }
  })
  for (let from = 0; from < count; from += 2000) {
    const json = JSON.stringify(rows.slice(from, from + 2000))
    await env.DB.batch(
      [
        `INSERT INTO client (client_id, name, owner_id, created_at, updated_at)
           SELECT value ->> 'id', value ->> 'name', 'nobody', 1, 1 FROM json_each(?1)`,
        `INSERT INTO listing (client_id, requested_at, listed_at, name_key)
           SELECT value ->> 'id', 1, 1, value ->> 'nameKey' FROM json_each(?1)`,
        `INSERT INTO listing_key (key, client_id)
           SELECT k.value, j.value ->> 'id' FROM json_each(?1) j, json_each(j.value, '$.keys') k`,
      ].map((sql) => env.DB.prepare(sql).bind(json)),
    )
  }
}
