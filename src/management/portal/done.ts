/** The sentences that a page can show after an act. An address names one of these sentences, and cannot name any other. */

import { DIRECTORY_STALE_SECONDS } from '../../domain/directory.ts'
import { ALL_REVOKED_WITHIN_SECONDS } from '../../domain/revocation.ts'

export const TOKENS_END = `Its access tokens end within ${ALL_REVOKED_WITHIN_SECONDS} seconds.`

const DONE = {
  saved: 'The client was changed.',
  asked: 'You asked for more. What needs approval waits for it.',
  taken_back: 'It was taken back.',
  disabled: `The client was disabled. ${TOKENS_END}`,
  enabled: 'The client was enabled.',
  deleted: `The client was deleted. ${TOKENS_END}`,
  left: 'You are no longer an owner of that client.',
  keys: 'The keys of the client were changed.',
  owners: 'The owners were changed.',
  offered: 'The client was offered. The user reads the offer on the page of their clients.',
  accepted: 'You own this client now.',
  offer_declined: 'You declined. You do not own that client.',
  approved: 'What you chose is approved.',
  declined: 'What you chose is declined. The owners read your reason.',
  listed: 'The client is in the directory.',
  listing_declined: 'The client is not in the directory. The owners read your reason.',
  listing_asked: 'You asked for the client to be listed. An approver decides.',
  listing_taken_back: `The client is no longer in the directory. A copy of a page may show it for ${DIRECTORY_STALE_SECONDS} seconds more.`,
  known:
    'This client was registered already. Its secret was shown then: make a new one if you do not have it.',
} as const

export type Done = keyof typeof DONE

const isDone = (name: string): name is Done => Object.hasOwn(DONE, name)

export const doneIn = (name = '') => (isDone(name) ? DONE[name] : null)
