/** The registry Worker: it is composed once per isolate, and serves HTTP and cron. */

import { type Bindings, compose } from './compose.ts'
import { misconfigured } from './http/frame.ts'

let registry: ReturnType<typeof compose> | undefined

export default {
  async fetch(request, env, context) {
    // The URL depends on the Host header. Cloudflare forwards no request with a malformed one, but a program on this machine
    // may send it.
    if (!URL.canParse(request.url)) return new Response('Malformed Host', { status: 400 })
    try {
      registry ??= compose(env)
    } catch (fault) {
      return misconfigured(fault)
    }
    return registry.fetch(request, env, context)
  },
  async scheduled(event, env) {
    registry ??= compose(env)
    // A cron run that is started by hand may name a future moment, at which revocations would have expired.
    await registry.housekeep(Math.min(event.scheduledTime, Date.now()))
  },
} satisfies ExportedHandler<Bindings>
