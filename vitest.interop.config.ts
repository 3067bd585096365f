import { defineConfig } from 'vitest/config'
import { MIGRATED_STATE } from './vitest.config.ts'

export default defineConfig({
  test: {
    include: ['test/interop/**/*.test.ts'],
    environment: 'node',
    globalSetup: [MIGRATED_STATE],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
})
