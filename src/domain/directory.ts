/** The public directory: the state of a client's listing, how entries are ordered, and how a search finds them. */

import { foldAccents } from './fold-text.ts'

/** A client that an owner wants in the directory. Instants in epoch seconds. */
export type Listing = Readonly<{
  /** When the listing last began to wait for an approver. */
  requestedAt: number
  /** Null if the client is not listed. */
  listedAt: number | null
  /** Null if the listing is not declined. */
  declinedAt: number | null
  /** Why the listing was declined, for the owners; '' if there is no reason. */
  reason: string
}>

export const LISTING_STATES = ['requested', 'listed', 'declined'] as const
export type ListingState = (typeof LISTING_STATES)[number]

export function listingStateOf({ listedAt, declinedAt }: Listing): ListingState {
  if (declinedAt !== null) return 'declined'
  return listedAt === null ? 'requested' : 'listed'
}

/** `listing`: null if no owner asks for a listing. */
export const isListed = (listing: Listing | null) =>
  listing !== null && listingStateOf(listing) === 'listed'

/** How long an edge may show a page of the directory, and a browser after it. */
export const DIRECTORY_KEPT_SECONDS = 30
/** After this time no cache shows a client that is no longer listed. */
export const DIRECTORY_STALE_SECONDS = 2 * DIRECTORY_KEPT_SECONDS

/** The most code points of a search, and of a key, that are used. */
const MAX_KEY_LENGTH = 100
const MAX_NAME_KEYS = 24
const MAX_HOST_KEYS = 8

const words = (text: string) =>
  foldAccents(text)
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()

const shortened = (characters: readonly string[], from = 0) =>
  characters.slice(from, from + MAX_KEY_LENGTH).join('')

/** Letters and digits in lower case, without accents, with single spaces; empty if the text has neither. */
export const searchKey = (text: string) => shortened([...words(text)])

/** Scripts that are written without spaces, so that a word may begin at each character. */
const WITHOUT_SPACES =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

/** The text from the beginning of each of its words: a search finds keys that begin with the search text. */
function keysOf(text: string, most: number): string[] {
  const characters = [...words(text)]
  const beginsWord = (character: string, index: number) =>
    index === 0 || characters[index - 1] === ' ' || WITHOUT_SPACES.test(character)
  return characters
    .flatMap((character, index) => (beginsWord(character, index) ? [index] : []))
    .slice(0, most)
    .map((from) => shortened(characters, from))
    .filter((key) => key !== '')
}

/** The host of a web page that a page may link to; null for every other text. */
export function pageHost(address: string): string | null {
  const url = URL.parse(address)
  return url !== null && /^https?:$/.test(url.protocol) ? url.host : null
}

export function searchKeysOf({ name, url }: Readonly<{ name: string; url: string }>): string[] {
  const ofHost = keysOf(pageHost(url) ?? '', MAX_HOST_KEYS)
  return [...new Set([...keysOf(name, MAX_NAME_KEYS), ...ofHost])]
}
