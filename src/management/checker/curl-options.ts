/** The options of curl: their names, which of them have a value, and which of them do not change the request. */

/** The long name of each short option. */
const SHORT: Readonly<Record<string, string>> = {
  ...{ u: 'user', H: 'header', d: 'data', X: 'request', G: 'get', F: 'form', b: 'cookie' },
  ...{ A: 'user-agent', e: 'referer', o: 'output', w: 'write-out', x: 'proxy', m: 'max-time' },
  ...{ K: 'config', T: 'upload-file', E: 'cert', D: 'dump-header', c: 'cookie-jar', ':': 'next' },
  ...{ s: 'silent', S: 'show-error', v: 'verbose', i: 'include', k: 'insecure', L: 'location' },
  ...{ f: 'fail', O: 'remote-name', '#': 'progress-bar', I: 'head', N: 'no-buffer', 4: 'ipv4' },
  ...{ 6: 'ipv6', j: 'junk-session-cookies', g: 'globoff', q: 'disable', 0: 'http1.0' },
}

/** Options that do not change the request. The page does not name them. */
export const SILENT: ReadonlySet<string> = new Set(
  `silent show-error verbose include insecure location fail fail-with-body remote-name progress-bar no-buffer ipv4 ipv6
  globoff disable compressed http1.0 http1.1 http2 http2-prior-knowledge http3 basic no-progress-meter path-as-is tlsv1.2
  tlsv1.3 output write-out max-time connect-timeout user-agent referer retry retry-delay retry-max-time max-redirs
  dump-header stderr trace trace-ascii cacert capath location-trusted no-keepalive raw no-alpn ssl-no-revoke`.split(
    /\s+/,
  ),
)
export const WITH_VALUE: ReadonlySet<string> = new Set(
  `user header data data-ascii data-raw data-binary data-urlencode request url json form form-string cookie cookie-jar
  user-agent referer output write-out proxy proxy-user max-time connect-timeout config upload-file cert cert-type key
  key-type pass oauth2-bearer retry retry-delay retry-max-time max-redirs dump-header stderr trace trace-ascii cacert
  capath resolve connect-to interface limit-rate range ciphers tls-max noproxy url-query aws-sigv4`.split(
    /\s+/,
  ),
)

/** The options in one word: `-sS`, `-uid:secret`, `--data=x`. `value` is null if the next word is the value. */
export function optionsIn(word: string): (readonly [option: string, value: string | null])[] {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=')
    const name = equals === -1 ? word.slice(2) : word.slice(2, equals)
    return [[name, equals === -1 ? null : word.slice(equals + 1)]]
  }
  const found: (readonly [string, string | null])[] = []
  for (let at = 1; at < word.length; at++) {
    const name = SHORT[word[at] as string]
    if (name === undefined) return [...found, ['', word.slice(at + 1)]]
    if (WITH_VALUE.has(name)) {
      const rest = word.slice(at + 1)
      return [...found, [name, rest === '' ? null : rest]]
    }
    found.push([name, null])
  }
  return found
}
