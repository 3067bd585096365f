import { defineConfig } from 'vitest/config'
import { LONG_PROJECTS, MAX_WORKERS } from './vitest.config.ts'

export default defineConfig({
  test: { silent: 'passed-only', maxWorkers: MAX_WORKERS, projects: LONG_PROJECTS },
})
