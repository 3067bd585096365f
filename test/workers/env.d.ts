/** The bindings that tests in workerd find in `env`: the registry's own, from wrangler.toml. */

import type { D1Migration } from 'cloudflare:test'
import type { Bindings } from '../../src/compose.ts'

declare global {
  namespace Cloudflare {
    interface Env extends Bindings {
      TEST_MIGRATIONS: D1Migration[]
    }
    interface GlobalProps {
      mainModule: typeof import('../../src/worker.ts')
    }
  }
}
