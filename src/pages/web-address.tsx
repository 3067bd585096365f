/** An address given by a client: a link when it is safe to follow, else its plain text. */

/** Only http and https, and nothing that poses as another host before an `@`. */
const safeHref = (address: string): string | null => {
  const url = URL.parse(address)
  const safe = url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  return safe ? url.href : null
}

/** A link shows the address as the browser reads it (host in ASCII, the rest percent-encoded): no look-alikes. */
export const WebAddress = (p: { address: string }) => {
  const href = safeHref(p.address)
  return href === null ? (
    <bdi>{p.address}</bdi>
  ) : (
    <a href={href} rel="noopener noreferrer nofollow">
      <bdi>{href}</bdi>
    </a>
  )
}
