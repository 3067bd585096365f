/** Hosts of client metadata documents: which of them an operator has allowed or blocked. */

import { LOOPBACK_HOSTS } from './network.ts'

export const HOST_RULES = ['allow', 'block'] as const
export type HostRule = (typeof HOST_RULES)[number]

/** Which documents are accepted (`CLIENT_DOCUMENTS`): none, those of allowed hosts, or those of every host that is not blocked. */
export type DocumentPolicy = 'off' | 'allowlist' | 'any'

export type DocumentHostFields = Readonly<{ rule: HostRule }>
/** `host` is canonical: a host, or `*.` and a domain for all hosts below that domain. */
export type NewDocumentHost = DocumentHostFields & Readonly<{ host: string }>

/** A listed host as its administrator sees it. Instants in epoch seconds. */
export type DocumentHostRecord = NewDocumentHost &
  Readonly<{
    createdAt: number
    updatedAt: number
    /** Every act of an administrator raises the version. */
    version: number
  }>

/** The end of a sentence about a malformed host. */
export const HOST_RULE_FORM =
  'must be a host name (app.example.com), or *. and a domain (*.example.com) for all hosts below it, without a scheme, a port and a path'

const WILDCARD = '*.'
/** RFC 1035 §2.3.4, without the dot at the end. */
const MAX_HOST_LENGTH = 253
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/
const IS_ADDRESS = /^[\d.]+$/

/** The ASCII form of a host name as browsers compute it, in lower case; null if the text is no host name. */
function asciiHost(text: string): string | null {
  if (/[\s/?#@:\\%*[\]]/.test(text) || text === '') return null
  const host = URL.parse(`https://${text}`)?.hostname.replace(/\.$/, '') ?? ''
  const labels = host.split('.')
  return host.length <= MAX_HOST_LENGTH && labels.every((label) => LABEL.test(label)) ? host : null
}

/**
 * The form in which hosts are stored and compared: IDNA in ASCII (`xn--…`), lower case, without a dot at the end. Null if the
 * text names no host that can have documents, such as an IP address or a name of one label. The hosts of this machine can
 * have documents if ISSUER is on this machine.
 */
export function canonicalHost(text: string): string | null {
  if (LOOPBACK_HOSTS.includes(text)) return text
  const isWildcard = text.startsWith(WILDCARD)
  const host = asciiHost(isWildcard ? text.slice(WILDCARD.length) : text)
  if (host === null || IS_ADDRESS.test(host)) return null
  if (isWildcard) return WILDCARD + host
  return host.includes('.') || LOOPBACK_HOSTS.includes(host) ? host : null
}

/** The entries that would cover the host: the host itself, and `*.` with each domain above it. `host` is canonical. */
export function coveringHosts(host: string): string[] {
  const labels = host.split('.')
  const domains = labels.slice(1).map((_, above) => labels.slice(above + 1).join('.'))
  return [host, ...domains.map((domain) => WILDCARD + domain)]
}
