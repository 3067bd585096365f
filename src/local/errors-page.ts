/** `npm run docs`: writes docs/errors.md from the table that the pages under /errors show. */

import { writeFileSync } from 'node:fs'
import { explanations } from '../pages/error-explanations.ts'
import { inProject } from './project.ts'

export const ERRORS_PAGE = inProject('docs/errors.md')

/** Shows the names of parameters, members and headers as code. */
const marked = (text: string) => text.replaceAll(/\b[a-z]+(?:_[a-z0-9]+)+\b/g, '`$&`')

const section = ({
  code,
  status,
  meaning,
  causes,
  remedy,
}: ReturnType<typeof explanations>[number]) =>
  `## ${code}

${marked(meaning)} Status ${status}, as a rule.

${causes.map((cause) => `- ${marked(cause)}`).join('\n')}

**What to do:** ${marked(remedy)}
`

export const errorsPage =
  () => `<!-- Written by npm run docs. A test compares it with src/pages/error-explanations.ts. -->
# Errors

For developers of clients and services: what each error means, and what to do.

\`\`\`sh
curl -s http://127.0.0.1:8787/token -d grant_type=client_credentials -d client_id=nobody -d client_secret=wrong
# {"error":"invalid_client","error_description":"…","error_uri":"http://127.0.0.1:8787/errors/invalid_client"}
\`\`\`

| part of the answer | for |
| --- | --- |
| \`error\` | your program: one of the codes below |
| \`error_description\` | you: a sentence, which may name a parameter or a scope; causes that help an attacker share one sentence |
| \`error_uri\` | you: the section of this page, served by the registry |
| header \`X-Correlation-Id\` | owners of the client, who look up the cause with it for one day in [the portal](portal.md#check-a-request), and the operator: \`npm run admin -- why ID\` |

The authenticator answers errors of RFC 6750 (\`invalid_token\`, \`insufficient_scope\`): see
[Protect a service](protect-a-service.md).

${explanations().map(section).join('\n')}`

if (import.meta.main) writeFileSync(ERRORS_PAGE, errorsPage())
