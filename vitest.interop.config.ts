import { defineConfig } from 'vitest/config'
import { MIGRATED_STATE, TIMEOUTS } from './vitest.config.ts'

export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    environment: 'node',
    globalSetup: [MIGRATED_STATE],
    ...TIMEOUTS,
    fileParallelism: false,
  },
})
