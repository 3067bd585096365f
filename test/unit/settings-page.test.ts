/** docs/settings.md, which is generated from the description of the deployment. */

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BINDINGS, SETTING_NAMES } from '../../src/config.ts'
import { SETTINGS_PAGE, settingsPage } from '../../src/local/settings-page.ts'
import { MANAGEMENT_PATHS } from '../../src/routes/management.ts'
import { ALL_SECRET_NAMES } from '../../src/secrets.ts'

it('docs/settings.md equals the output of npm run docs', () => {
  expect(readFileSync(SETTINGS_PAGE, 'utf8')).toBe(settingsPage())
})

it('docs/settings.md has a row for every setting, secret and binding', () => {
  const rows = settingsPage()
    .split('\n')
    .map((line) => /^\| `(\w+)` \|/.exec(line)?.[1])
    .filter((name) => name !== undefined)
  const names = [...SETTING_NAMES, ...ALL_SECRET_NAMES, ...Object.keys(BINDINGS)]
  expect(rows).toEqual(expect.arrayContaining(names))
  expect(new Set(rows).size).toBe(rows.length)
})

it('docs/settings.md names every path that answers 404 without the management worker, except stylesheets', () => {
  const row = settingsPage()
    .split('\n')
    .find((line) => line.startsWith('| `MANAGEMENT` |'))
  const named = Array.from(row?.matchAll(/`(\/[^`]+)`/g) ?? [], ([, path]) => path)
  const unnamed = MANAGEMENT_PATHS.filter((path) => !path.endsWith('.css')).filter(
    (path) => !named.includes(path.replace(/\/[*:].*$/, '')),
  )
  expect(unnamed).toEqual([])
})
