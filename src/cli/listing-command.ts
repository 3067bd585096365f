/** `client listing`: whether a client is in the public directory. */

import { Argument, type Command } from 'commander'
import { DECISION_REASON } from '../protocol/registration/client-permission-change.ts'
import { LISTING_ACTS } from '../protocol/registration/listing-change.ts'
import { ANY_VERSION, printChange } from './act.ts'
import { pathOf } from './api.ts'
import { type Io, verb } from './verb.ts'

/** As words of the command line: `take-back`. */
const WORDS = LISTING_ACTS.map((act) => act.replaceAll('_', '-'))

export function addListing(client: Command, io: Io, exampleId: string) {
  verb(
    client,
    'listing <id>',
    'Decide whether a client is in the public directory. list and decline decide on what an owner asked for; decline also ' +
      'takes a client out. request and take-back are for an owner who asked you and does not use the portal.',
    `listing ${exampleId} decline --reason "It is not finished yet."`,
  )
    .addArgument(new Argument('<act>', 'what to do').choices(WORDS))
    .option(DECISION_REASON.flags, `${DECISION_REASON.help}; with decline alone`)
    .action((id: string, act: string, { reason }: { reason?: string }, command: Command) =>
      printChange(command, io, {
        method: 'POST',
        path: pathOf`/clients/${id}/listing`,
        ...ANY_VERSION,
        body: { act: act.replaceAll('-', '_'), ...(reason !== undefined && { reason }) },
      }),
    )
}
