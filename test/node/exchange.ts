/** The secrets in one request and its response: those that the caller sent and those that the response issues. */

import { isSecret } from './evidence.ts'

export type Exchange = Readonly<{
  /** Method and path, without the query. */
  request: string
  /** The request headers, by lower-case name. */
  sent: Readonly<Record<string, string | undefined>>
  body: string
  /** Status, headers and body of the response, as text. */
  answer: string
}>

const SECRET_FIELDS = [
  ...['client_secret', 'password', 'code', 'code_verifier', 'refresh_token', 'token'],
  ...['client_assertion', 'form_token'],
]

/** The responses that issue a secret, and where in the response it is. */
const ISSUED: readonly Readonly<{ request: RegExp; value: RegExp; what: string }>[] = [
  {
    request: /^POST \/token$/,
    value: /(?<="access_token":")reg_[\w-]{49}(?=")/g,
    what: 'an access token',
  },
  {
    request: /^POST \/token$/,
    value: /(?<="refresh_token":")regr_[\w-]{49}(?=")/g,
    what: 'a refresh token',
  },
  {
    request: /^(GET|POST) \/authorize$/,
    value: /(?<=^location: \S+[?&]code=)regc_[\w-]{49}(?=&|$)/gim,
    what: 'a code',
  },
  {
    request: /^(GET|POST) \/(login|authorize|account)?$/,
    value: /(?<=name="form_token" value=")[\w-]{16}\.[\w-]{43}(?=")/g,
    what: 'a form token',
  },
  {
    request: /^POST \/login$/,
    value: /(?<=^set-cookie: registry_session=)regb_[\w-]{49}(?=;)/gim,
    what: 'a browser session',
  },
  {
    request: /^(GET|POST) \/login$/,
    value: /(?<=^set-cookie: registry_sign_in=)[\w-]{43}(?=;)/gim,
    what: 'the secret of a sign-in form',
  },
  {
    request: /^POST \/login$/,
    value: /(?<=^set-cookie: registry_browser=)[\w-]{43,}(?=;)/gim,
    what: 'the secret of a known browser',
  },
  {
    request: /^GET \/auth$/,
    value: /(?<=^authorization: )eyJ[\w-]+\.[\w-]+\.[\w-]+$/gim,
    what: 'a JWT',
  },
  {
    request: /^admin client (create|rotate-secret)$/,
    value: /(?<="client_secret": ?")regs_[\w-]{49}(?=")/g,
    what: 'a client secret',
  },
  {
    request: /^(POST \/register|(GET|PUT) \/register\/[^/]+)$/,
    value: /(?<="registration_access_token":")regm_[\w-]{49}(?=")/g,
    what: 'a registration access token',
  },
  {
    request: /^POST \/register$/,
    value: /(?<="client_secret":")regs_[\w-]{49}(?=")/g,
    what: 'a client secret',
  },
  {
    request: /^POST \/token$/,
    value: /(?<="access_token":")eyJ[\w-]+\.[\w-]+\.[\w-]+(?=")/g,
    what: 'a signed access token',
  },
  {
    request: /^POST \/admin\/v1\/clients(\/[^/]+\/secrets)?$/,
    value: /(?<="client_secret":")regs_[\w-]{49}(?=")/g,
    what: 'a client secret',
  },
]

/** `rest` is the response without the secrets that it issues. */
export function issuedBy({ request, answer }: Pick<Exchange, 'request' | 'answer'>) {
  const issued = new Map<string, string>()
  const rest = ISSUED.filter((place) => place.request.test(request)).reduce(
    (text, { value, what }) =>
      text.replace(value, (secret) => {
        issued.set(secret, what)
        return '(issued)'
      }),
    answer,
  )
  return { issued, rest }
}

function* shownBy({ sent, body }: Exchange): Generator<[value: string, what: string]> {
  const fields = new URLSearchParams(body)
  for (const name of SECRET_FIELDS) {
    for (const value of fields.getAll(name)) yield [value, `the field ${name}`]
  }
  if (sent.dpop) yield [sent.dpop, 'a DPoP proof']
  for (const pair of sent.cookie?.split(/; */) ?? []) {
    yield [pair.slice(pair.indexOf('=') + 1), 'a cookie']
  }
  const [, scheme = '', credential = ''] = /^(\S+) +(\S+)$/.exec(sent.authorization ?? '') ?? []
  yield [credential, `the credential of ${scheme}`]
  if (/^basic$/i.test(scheme)) {
    const [, secret = ''] = Buffer.from(credential, 'base64').toString().split(':')
    yield [decodeURIComponent(secret), 'the password of Basic']
  }
}

export const secretsShownBy = (exchange: Exchange) =>
  [...shownBy(exchange)].filter(([value]) => isSecret(value))
