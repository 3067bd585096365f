/** Instants in documents: ISO 8601, UTC. */

import * as z from 'zod/mini'

export const Instant = z.iso.datetime()
