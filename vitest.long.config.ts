import { defineConfig } from 'vitest/config'
import { LONG, workersPlugin } from './vitest.config.ts'

export default defineConfig({
  plugins: [workersPlugin()],
  test: {
    name: 'long',
    silent: 'passed-only',
    include: [LONG],
    setupFiles: ['test/workers/setup.ts'],
    testTimeout: 30_000,
    isolate: false,
  },
})
