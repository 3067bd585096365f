/** The text that `npm start` prints when it serves. */

import { shellWord } from '../domain/shell-word.ts'
import { DEMO_REDIRECT_URI, DEMO_SCOPES, type Demo } from './demo.ts'

type Served = Readonly<{
  registryUrl: string
  authenticatorUrl: string
  issuer: string
  /** The folder of the state; null if commands find the state without its name. */
  otherStateDir: string | null
  /** The file with the secret that a proxy sends to the authenticator; null if the environment has the secret. */
  proxyFile: string | null
  demo: Demo | null
  /** The sign-in page of an accounts service, or null. */
  loginUrl: string | null
  hasDirectory: boolean
}>

function authorizeUrl(issuer: string, clientId: string): string {
  const url = new URL('/authorize', issuer)
  url.searchParams.set('response_type', 'code')
  url.searchParams.set('client_id', clientId)
  url.searchParams.set('redirect_uri', DEMO_REDIRECT_URI)
  url.searchParams.set('scope', DEMO_SCOPES.join(' '))
  url.searchParams.set('state', 'demo')
  return url.href
}

/** If an accounts service signs users in, the demo user's password is not shown, because it is of no use. */
const userText = (demo: Demo, loginUrl: string | null) =>
  loginUrl === null
    ? `Demo user      ${demo.username}\n  password     ${demo.password}`
    : `Users          sign in at ${loginUrl}`

const demoText = (demo: Demo, served: Served) => `
Demo client    ${demo.clientId}
  secret       ${demo.clientSecret}
${userText(demo, served.loginUrl)}

A token for the client:

  curl -s ${served.registryUrl}/token -d grant_type=client_credentials -d client_id=${demo.clientId} -d client_secret=${demo.clientSecret} -d scope=public:read

What the authenticator says about it, with the access_token of that response in $TOKEN:

  curl -si "${served.authenticatorUrl}/auth?required" -H "Authorization: Bearer $TOKEN"

A token for the user: run this program in a second terminal, and open the URL that it prints in a browser:

  ISSUER=${served.issuer} CLIENT_ID=${demo.clientId} CLIENT_SECRET=${demo.clientSecret} node examples/sign-in.mjs

Or without a library: this URL sends the browser to ${DEMO_REDIRECT_URI}, where nothing serves, with a code in the address:

  ${authorizeUrl(served.issuer, demo.clientId)}

This redeems the code, in place of CODE:

  curl -s ${served.registryUrl}/token -d grant_type=authorization_code -d client_id=${demo.clientId} -d client_secret=${demo.clientSecret} -d redirect_uri=${DEMO_REDIRECT_URI} -d code=CODE
`

/** The text names the folder of a state that commands would not find: they would make a new, empty state. */
const adminText = ({ otherStateDir }: Served) =>
  `${otherStateDir === null ? '' : `STATE_DIR=${shellWord(otherStateDir)} `}npm run --silent admin -- --help`

const directoryText = ({ issuer, hasDirectory }: Served) =>
  hasDirectory ? `Directory      ${issuer}/directory\n` : ''

export const welcome = (served: Served) => `
Registry       ${served.registryUrl}
Authenticator  ${served.authenticatorUrl}
Issuer         ${served.issuer}
Proxy secret   ${served.proxyFile ?? 'PROXY_SECRET, as given'}
Portal         ${served.issuer}/clients, where users manage their own clients
Approvals      ${served.issuer}/approvals, for users with the scope registry:approve
API reference  ${served.issuer}/docs
${directoryText(served)}${served.demo ? demoText(served.demo, served) : ''}
Administer it with: ${adminText(served)}
Ctrl-C ends both.
`
