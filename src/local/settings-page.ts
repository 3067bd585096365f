/** `npm run docs`: writes docs/settings.md from the description of the deployment in config.ts. */

import { writeFileSync } from 'node:fs'
import {
  ALL_WORKERS,
  BINDINGS,
  CRON,
  isSettingOf,
  OPTIONAL_BINDINGS,
  SETTING_NAMES,
  SETTINGS,
  type SettingName,
  type WorkerName,
} from '../config.ts'
import { MIN_SECRET_BYTES } from '../crypto/jws.ts'
import { SECRET_NAMES, type SecretName } from '../secrets.ts'
import { inProject } from './project.ts'

export const SETTINGS_PAGE = inProject('docs/settings.md')

/** The texts are not in config.ts, because config.ts is part of the Workers. */
const EFFECTS = {
  ISSUER:
    'The origin that users and clients see: `https://auth.example.org`, without a path or a slash at the end; http on a loopback address only. `npm start` uses `http://127.0.0.1:$PORT`.',
  LOGIN_URL:
    'Sends users to [an accounts service](accounts-service.md) to sign in: https, or http on a loopback address, without a password, a fragment, `next_page`, `login_hint` or `prompt`.',
  CODE_LIFETIME_SECONDS:
    'How long an authorization code can be redeemed. KV keeps nothing for less than 60 s.',
  CODE_RETRY_SECONDS:
    'A second redemption of a code with the same verifier within this time is refused and ends nothing: the client loaded a page twice.',
  REFRESH_RETRY_SECONDS:
    'A refresh token that is sent again within this time of its use gets the same tokens, while the new refresh token is unused: the first response was lost. 0 turns it off.',
  DPOP_REFRESH_RETRY_SECONDS: 'The same for refresh tokens that are bound to a key (DPoP).',
  SESSION_LIFETIME_SECONDS:
    'How long an access token is valid, unless its client has a shorter lifetime; `expires_in` states it.',
  BROWSER_SESSION_LIFETIME_SECONDS:
    'How long a user stays signed in at a browser. A revocation is kept for the longer of this time and `SESSION_LIFETIME_SECONDS`: if you lower them, a session that was opened before can outlive its revocation.',
  REFRESH_LIFETIME_SECONDS:
    'How long an authorization can be refreshed before the user is asked again.',
  REFRESH_IDLE_SECONDS:
    'How long after its last refresh an authorization can be refreshed, if it does not end earlier by `REFRESH_LIFETIME_SECONDS`. It applies to authorizations from before this setting after their next refresh.',
  STORAGE_TIMEOUT_SECONDS:
    'How long a request waits for one response of D1 or KV before it is refused with 503.',
  STALE_CLIENT_SECONDS:
    "How old a client's record may be for `client_credentials` while D1 does not answer. The log says so (`stale_client_used`). No effect where `CLIENT_CACHE_SECONDS` is 0.",
  AUDIT_KEEP_DAYS: 'How long `audit` keeps its rows.',
  CLIENT_CACHE_SECONDS:
    "How old a client's record may be for `client_credentials`. A refusal and every other grant read it from D1. 0 turns the cache off.",
  CLIENTS_PER_USER:
    'How many clients a user may be the first owner of in [the portal](portal.md). With 0 users cannot register clients, and manage those that an operator gave them.',
  DIRECTORY:
    'Whether everybody can read [the directory](directory.md) of clients at `/directory`, and owners can ask to be in it. `off` by default, because it makes names of clients and owners public. Needs the management worker.',
  LOG_ANSWERS: '`refusals` leaves requests that succeed out of the log.',
  REQUIRE_PKCE:
    'Which clients must use PKCE: those without a secret, or `all` (OAuth 2.1). A client that is registered with `--require-pkce` always must.',
  SCOPE_POLICY:
    "A request for a scope that is unknown or not the client's: `refuse` answers `invalid_scope`, `narrow` leaves the scope out. The answer states what was granted.",
  PRIVATE_USE_SCHEMES:
    'Schemes without a dot, separated by spaces (`cursor vscode`), to which [native applications](clients.md#redirect-uris) may be redirected. Any program on a device can claim such a scheme.',
  CLIENT_DOCUMENTS:
    'Which clients may use the address of [a client metadata document](client-documents.md) as their id: `off` for none, `allowlist` for those at hosts that are allowed (`document-host allow`), `any` for those at every host that is not blocked. Other values than `off` need the management worker.',
  ISSUE_REFRESH_TOKENS:
    'Which grants of a client that may use `refresh_token` get a refresh token: `always`, or only those whose request asked for the scope `offline_access`.',
  REGISTRATION:
    'Who may [register a client](self-registration.md) at `/register`: nobody (`off`), callers with an access token that has the scope `registry:register` (`token`), or everybody (`open`). Needs the management worker.',
  REGISTRATIONS_PER_NETWORK_HOUR:
    'How many clients may be registered from one network in an hour, with `REGISTRATION=open`.',
  REGISTRATIONS_PER_DAY: 'How many clients may be registered in a day, with `REGISTRATION=open`.',
  WEBHOOK_URL:
    'Where [the webhook](approvals.md#webhook) sends requests for permissions and decisions: an https address at a public host name, or an address of this machine while `ISSUER` is one. It is not secret: `GET /status` of the management API shows it. Needs the management worker, with `WEBHOOK_SECRET`.',
  SERVICE_NAME: 'The name of your service, on [every page](branding.md).',
  LOGO: 'An image for the head of every page and the tab: the text of an SVG, which the registry serves itself, or the address of an image.',
  ACCENT_COLOUR:
    'The colour of buttons and links on light pages. Its contrast must be at least 4.5 to 1.',
  ACCENT_COLOUR_DARK:
    'The same for people who prefer dark pages. Without it the registry uses a lighter shade of `ACCENT_COLOUR`.',
  TERMS_URL: 'Your terms of use, linked at the foot of every page.',
  PRIVACY_URL: 'Your privacy statement, linked at the foot of every page.',
  SUPPORT_URL: 'Where people get help, linked at the foot of every page and on error pages.',
  FORGOT_PASSWORD_URL:
    'Where people reset a password, linked on the sign-in page. No effect with `LOGIN_URL`.',
} satisfies Record<SettingName, string>

const SECRET_EFFECTS = {
  SIGNING_KEYS:
    'Optional: a private JWK Set that `npm run admin -- key` makes. The first key signs access tokens and introspection, the public parts of all are at `/jwks.json`. `npm start` makes one. [How to make and rotate it](keys.md).',
  WEBHOOK_SECRET:
    'Signs what the webhook sends, as [Standard Webhooks](https://www.standardwebhooks.com) describes: `whsec_` and the base64 of 24 to 64 random bytes. Two, separated by a space, [during a rotation](approvals.md#rotate-the-secret). `npm run deploy` makes one while `WEBHOOK_URL` is set.',
  JWT_SECRET: `Signs the JWTs that services receive, unless \`AUTHENTICATOR_KEYS\` is set. At least ${MIN_SECRET_BYTES} bytes. \`npm start\` makes one. [How to rotate it](operate.md#rotate-jwt_secret).`,
  AUTHENTICATOR_KEYS:
    'Instead of `JWT_SECRET`: a JWK Set like `SIGNING_KEYS`, but never the same keys. Its public parts are at `/jwks.json` of the authenticator, so that services hold no key that signs. [How to change over](keys.md#the-authenticators-own-keys).',
  PROXY_SECRET: `What a proxy sends in \`X-Proxy-Secret\`: at least ${MIN_SECRET_BYTES} bytes of visible ASCII, and another secret than \`JWT_SECRET\`. Two, separated by a space, during a rotation. Without it \`/auth\` over HTTP always answers 503, unless \`ISSUER\` is a loopback address; service bindings need none. \`npm start\` makes one.`,
} satisfies Record<SecretName, string>

const ALL_BINDINGS = { ...BINDINGS, ...OPTIONAL_BINDINGS }

const BINDING_EFFECTS = {
  DB: "clients, users, codes, revocations, audit; optional in the authenticator, for `/auth?fresh`, `revocation: 'immediate'` and `why`",
  SESSIONS: 'access tokens and browser sessions; the same namespace in all',
  CODES: 'authorization codes on their way to the client',
  LOGIN_LIMIT: 'limits sign-in attempts, per location',
  REFUSAL_LIMIT:
    'limits how many refusals are recorded, per location; optional in the authenticator, with `DB`',
  MANAGEMENT:
    'optional: the management worker, to which the registry forwards `/admin/v1`, `/openapi.json`, `/docs`, `/schemas/session.json`, `/errors` (where `error_uri` leads), `/logos`, `/invitation`, `/register`, [the portal](portal.md) (`/clients`, `/new-client`, `/approvals`) and [the directory](directory.md) (`/directory`); without it these paths are 404',
  REGISTRY:
    'optional, in the authenticator: the registry, from which it reads `/jwks.json` to check signed tokens; without it from `ISSUER`',
  EVENTS:
    'optional: a data point for each request and check, where the account has Analytics Engine',
} satisfies Record<keyof typeof ALL_BINDINGS, string>

/** The settings that `npm start` and the tools on this machine read. */
const LOCAL = [
  ['PORT', '1 to 65535', '8787', 'Where `npm start` serves the registry, on 127.0.0.1.'],
  ['AUTHENTICATOR_PORT', '1 to 65535', '8788', 'Where `npm start` serves the authenticator.'],
  ['STATE_DIR', 'folder', '`.wrangler/state`', 'Where local D1 and KV are kept.'],
  ['DEMO', '`0`, `1`', '`1`', '`0` seeds no demo client and no demo user.'],
] as const

/** The settings for `npm run admin -- … --remote`. */
const REMOTE = [
  [
    'REGISTRY_CLIENT_ID',
    'id',
    '',
    'A client that administers, instead of the person who signed in. It needs one of the next two.',
  ],
  ['REGISTRY_CLIENT_SECRET', 'secret', '', 'Its secret.'],
  [
    'REGISTRY_PRIVATE_KEY_FILE',
    'file',
    '',
    'Its private key, a JWK, for `private_key_jwt`. It is never sent.',
  ],
  [
    'CREDENTIALS_FILE',
    'file',
    '`$XDG_CONFIG_HOME/edge-registry/HOST.json`, or below `~/.config`',
    'Where `login` keeps the sign-in; or a credential that `npm run deploy` made.',
  ],
] as const

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
/** Each row begins with a name, which is shown as code. */
const table = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  [
    row(head),
    row(head.map(() => '---')),
    ...rows.map(([name, ...rest]) => row([`\`${name}\``, ...rest])),
  ].join('\n')

const namesOf = (workers: readonly WorkerName[]) =>
  workers.length === ALL_WORKERS.length ? 'all' : workers.join(', ')

export const settingsPage =
  () => `<!-- Written by npm run docs. A test compares it with src/config.ts. -->
# Settings

For operators: every setting, secret and binding of the Workers.

\`\`\`toml
# wrangler.toml
[vars]
ISSUER = "https://auth.example.org"
SESSION_LIFETIME_SECONDS = 3600
\`\`\`

Set them in \`[vars]\` of \`wrangler.toml\`, or in the environment of \`npm start\`. A setting of several workers goes into the
\`wrangler.toml\` of each: the [registry](../wrangler.toml)'s, the [management worker](../src/management/wrangler.toml)'s and the
[authenticator](../src/authenticator/wrangler.toml)'s. The management worker has the values of the registry. An empty value counts as
not set. With a bad setting or a missing binding a worker answers 503 to everything and logs the name; \`npm start\`,
\`npm run deploy\` and \`doctor\` make the same checks and refuse it by name. Where no registry runs, \`npm run admin\` reads the same settings.

${table(
  ['name', 'worker', 'values', 'default', 'effect'],
  SETTING_NAMES.map((name) => {
    const { values, fallback } = SETTINGS[name]
    const workers = ALL_WORKERS.filter((worker) => isSettingOf(worker, name))
    return [name, namesOf(workers), values, fallback, EFFECTS[name]]
  }),
)}

## Secrets

A secret is never in \`[vars]\`: \`npx wrangler secret put NAME\` sets one of the registry, with
\`--config src/management/wrangler.toml\` one of the management worker, with \`--config src/authenticator/wrangler.toml\` one of the authenticator. \`npm start\` reads them from its environment.

${table(
  ['name', 'worker', 'effect'],
  ALL_WORKERS.flatMap((worker) =>
    SECRET_NAMES[worker].map((name) => [name, worker, SECRET_EFFECTS[name]]),
  ),
)}

## Bindings

${table(
  ['name', 'kind', 'needed by', 'use'],
  Object.entries(ALL_BINDINGS).map(([name, { kind, neededBy }]) => [
    name,
    kind,
    namesOf(neededBy),
    BINDING_EFFECTS[name as keyof typeof ALL_BINDINGS],
  ]),
)}

The registry has the cron \`${CRON}\`: every minute it repeats writes of revocations that KV lost, removes expired rows, and lets the management worker send what waits for the webhook.

## On this machine only

${table(['name', 'values', 'default', 'effect'], LOCAL)}

## The command line with --remote

\`npm run admin\` reads these from the environment, and \`ISSUER\`: the registry to administer, by default that of \`wrangler.toml\`.
[operate.md](operate.md#who-administers) explains them.

${table(['name', 'values', 'default', 'effect'], REMOTE)}
`

if (import.meta.main) writeFileSync(SETTINGS_PAGE, settingsPage())
