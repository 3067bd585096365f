/** `/directory`: the clients whose owners asked for a listing and that an approver listed. No session is read. */

import { DIRECTORY_KEPT_SECONDS, pageHost, searchKey } from '../domain/directory.ts'
import { looksLike } from '../domain/fold-text.ts'
import { isReservedId } from '../domain/registry-scopes.ts'
import { describeScope } from '../domain/scope-catalogue.ts'
import { logoPath } from '../domain/shown-client.ts'
import { type FloodLimit, refuseFlood } from '../http/flood.ts'
import { sendPage } from '../http/page.ts'
import {
  DIRECTORY_PATH,
  DirectoryPage,
  type DirectoryProps,
  type ShownApplication,
} from '../pages/directory-page.tsx'
import { cleanText } from '../protocol/registration/metadata-document.ts'
import { sendErrorPage } from '../routes/error-page.tsx'
import type { DirectoryEntry, DirectoryPage as Found, Place } from '../stores/directory.ts'
import type { ManagementDeps } from './deps.ts'
import { sendKept } from './edge-cache.ts'
import { notFound, type Page, requireGet } from './page.ts'

const ROWS = 50
/** The limit in code points. */
const MAX_SEARCH_LENGTH = 100
const MAX_NAME_LENGTH = 200
const MAX_DESCRIPTION_LENGTH = 500

const shortened = (text: string, most: number) => {
  const characters = [...cleanText(text)]
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : characters.join('')
}

const searchIn = (text = '') => [...cleanText(text)].slice(0, MAX_SEARCH_LENGTH).join('').trim()

const isStorable = (text: unknown): text is string =>
  typeof text === 'string' && text.isWellFormed() && !text.includes('\0')

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Null for a text that no page of this search has in a link. */
function placeIn(text: string, key: string): Place | null {
  const [first, second, ...more] = [parsed(text)].flat() as unknown[]
  if (!isStorable(first) || !isStorable(second) || more.length > 0) return null
  return first.startsWith(key) ? { key: first, clientId: second } : null
}

const addressOf = (search: string, after: string) => {
  const given = { ...(search !== '' && { q: search }), ...(after !== '' && { after }) }
  const query = new URLSearchParams(given).toString()
  return query === '' ? DIRECTORY_PATH : `${DIRECTORY_PATH}?${query}`
}

const shown = (
  { name, url, description, ownerName, logo, place, scopes }: DirectoryEntry,
  { declared }: Found,
  serviceName: string,
): ShownApplication => ({
  name: shortened(name, MAX_NAME_LENGTH) || place.clientId,
  url: pageHost(url) === null ? '' : url,
  description: shortened(description, MAX_DESCRIPTION_LENGTH),
  ownerName,
  logoPath: logoPath(logo),
  isLookAlike: !isReservedId(place.clientId) && looksLike(name, serviceName),
  scopes: scopes.map((scope) => describeScope(scope, { scopes: declared, titles: new Map() })),
})

/** Counts searches separately from sign-ins. */
const apart = ({ limit }: FloodLimit): FloodLimit => ({
  limit: ({ key }) => limit({ key: `directory ${key}` }),
})

type Asked = Readonly<{ search: string; after: string }>

const NO_PAGE: Pick<DirectoryProps, 'applications' | 'nextPage' | 'problem'> = {
  applications: [],
  nextPage: null,
  problem: null,
}

async function pageFor(
  { search, after }: Asked,
  place: Place | null,
  { directory, branding }: ManagementDeps,
): Promise<string> {
  const key = searchKey(search)
  // A search without letters and digits finds nothing.
  const found = search !== '' && key === '' ? null : await directory.page(key, place, ROWS)
  const last = found?.entries.at(-1)
  const page = (
    <DirectoryPage
      {...NO_PAGE}
      branding={branding}
      search={search}
      isFirstPage={after === ''}
      applications={found?.entries.map((entry) => shown(entry, found, branding.serviceName)) ?? []}
      nextPage={
        found?.isMore && last
          ? addressOf(search, JSON.stringify([last.place.key, last.place.clientId]))
          : null
      }
    />
  )
  return page.toString()
}

export const directoryPage: Page = {
  path: DIRECTORY_PATH,
  sendError: sendErrorPage,
  async respond(c, deps) {
    const { settings, branding, issuer, edgeCache, loginLimit } = deps
    if (!settings.hasDirectory) throw notFound()
    requireGet(c)
    const search = searchIn(c.req.query('q'))
    const after = c.req.query('after') ?? ''
    const place = after === '' ? null : placeIn(after, searchKey(search))
    if (after !== '' && place === null) {
      const problem = 'This address leads to no page of the directory.'
      const page = <DirectoryPage {...NO_PAGE} {...{ branding, search, problem }} isFirstPage />
      return sendPage(c, page, branding, { status: 400 })
    }
    const address = issuer + addressOf(search, after)
    return sendKept(
      c,
      edgeCache,
      { address, seconds: DIRECTORY_KEPT_SECONDS },
      {
        async make() {
          await refuseFlood(c, apart(loginLimit))
          return pageFor({ search, after }, place, deps)
        },
        send: (text) => sendPage(c, text, branding),
      },
    )
  },
}
