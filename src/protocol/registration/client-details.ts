/** What a client says about itself. The members have the names of RFC 7591 §2. */

import { APPLICATION_TYPES, type ClientDetails, NO_DETAILS } from '../../domain/client.ts'
import { publicUrlProblem } from '../public-url.ts'
import { quote } from './errors.ts'
import {
  checkedText,
  type FieldTable,
  filledSchema,
  listSchema,
  oneOfSchema,
  type Schema,
  textSchema,
} from './field.ts'

const isWebUrl = (text: string) =>
  text === '' || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))

/** A page of the client, shown to users as a link. */
export const pageSchema = () =>
  checkedText(2000, isWebUrl, (text) => `{field} ${quote(text)} is not an http or https URL`)

const about = <Name extends keyof ClientDetails>(
  name: Name,
  flags: string,
  help: string,
  schema: Schema,
) => ({ flags, help, initial: NO_DETAILS[name], schema })

export const CLIENT_DETAILS: FieldTable<ClientDetails> = {
  logoUri: about('logoUri', '--logo-uri <url>', 'its logo, http or https', pageSchema()),
  tosUri: about('tosUri', '--tos-uri <url>', 'its terms of service, http or https', pageSchema()),
  policyUri: about(
    'policyUri',
    '--policy-uri <url>',
    'its privacy policy, http or https',
    pageSchema(),
  ),
  contacts: {
    ...about(
      'contacts',
      '--contact <address>',
      'an address of the people who are responsible for it',
      listSchema(filledSchema(320)),
    ),
    isList: true,
  },
  softwareId: about(
    'softwareId',
    '--software-id <id>',
    'the same for all instances and versions of its software',
    textSchema(300),
  ),
  softwareVersion: about(
    'softwareVersion',
    '--software-version <version>',
    'the version of its software',
    textSchema(300),
  ),
  applicationType: about(
    'applicationType',
    '--application-type <type>',
    `${APPLICATION_TYPES.join(' or ')}: what it calls itself. What it may do depends on its redirect URIs`,
    oneOfSchema(
      APPLICATION_TYPES,
      (input) => `{field} ${quote(input)} is not ${APPLICATION_TYPES.join(' or ')}`,
    ),
  ),
  jwksUri: about(
    'jwksUri',
    '--jwks-uri <url>',
    'where its public keys are published, in place of the keys: only for private_key_jwt. They are read now for a client with client_credentials or may_introspect, and otherwise when it redeems something with a key that is not known',
    checkedText(
      2000,
      (text) => text === '' || publicUrlProblem(text) === null,
      (text) => `{field} ${quote(text)} ${publicUrlProblem(text)}`,
    ),
  ),
}
