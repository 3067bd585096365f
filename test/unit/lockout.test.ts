/** The time for which sign-ins of a username are refused after failures. */

import { describe, expect, it } from 'vitest'
import { type LockoutKind, waitSeconds } from '../../src/domain/lockout.ts'
import { FLOOD_PERIOD_SECONDS } from '../../src/http/flood.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'

const waits = (kind: LockoutKind, failures: number[]) =>
  failures.map((count) => waitSeconds(kind, count))

describe('the wait after failed sign-ins', () => {
  it.each(['name_from_network', 'name_from_known_browser'] as const)(
    'the wait for a %s begins at the fifth failure, doubles, and is at most fifteen minutes',
    (kind) => {
      expect(waits(kind, [1, 4, 5, 6, 7, 14, 15, 1000])).toEqual([0, 0, 1, 2, 4, 512, 900, 900])
    },
  )

  it('the wait for a username from all networks begins at the hundredth failure and is at most one minute', () => {
    expect(waits('name', [5, 99, 100, 101, 105, 106, 100_000])).toEqual([0, 0, 1, 2, 32, 60, 60])
  })
})

it('FLOOD_PERIOD_SECONDS is the period of the rate limit bindings', () => {
  const limits = Object.values(CONFIG_PATHS).flatMap((path) => readWranglerConfig(path).ratelimits)
  expect(limits.map(({ simple }) => simple.period)).toEqual([
    FLOOD_PERIOD_SECONDS,
    FLOOD_PERIOD_SECONDS,
    FLOOD_PERIOD_SECONDS,
    FLOOD_PERIOD_SECONDS,
  ])
})
