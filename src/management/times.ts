/** Instants in documents: ISO 8601, UTC. */

import * as z from 'zod/mini'

export const isoTime = (epochSeconds: number) => new Date(epochSeconds * 1000).toISOString()

export const Instant = z.iso.datetime()
