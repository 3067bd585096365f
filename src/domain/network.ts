/**
 * Hosts and networks: which hosts are this machine, and which network a request counts for when failures and floods are
 * counted.
 */

/** The hosts of this machine in the spelling of a URL. Only these hosts may have http. */
export const LOOPBACK_HOSTS: readonly string[] = ['127.0.0.1', '[::1]', 'localhost']

/** False also for a text that is not a URL. */
export const isOnThisMachine = (url: string) =>
  URL.canParse(url) && LOOPBACK_HOSTS.includes(new URL(url).hostname)

const GROUPS = 8
/** A /64, the least that a subscriber gets (RFC 6177 §2): an attacker has too many addresses to count each of them. */
const NETWORK_GROUPS = 4

const groupsOf = (text: string) => (text === '' ? [] : text.split(':'))

/** The whole IPv4 address, or the first 64 bits of an IPv6 address in any spelling. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address
  const parts = address.toLowerCase().split('::').map(groupsOf)
  const missing = Math.max(0, GROUPS - parts.flat().length)
  const zeros = Array<string>(missing).fill('0')
  return parts
    .flatMap((part, index) => (index === 0 ? part : [...zeros, ...part]))
    .slice(0, NETWORK_GROUPS)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
