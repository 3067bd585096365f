/** Loads a module into a new isolate each time, and measures its first response. */

type Loading = Readonly<{
  module: string
  path: string
  env: Readonly<Record<string, unknown>>
  date: string
}>
type Env = Readonly<{ LOADER: WorkerLoader }>

let loaded = 0

export default {
  async fetch(request, { LOADER }) {
    const { module, path, env, date } = (await request.json()) as Loading
    loaded += 1
    const startedAt = performance.now()
    const worker = LOADER.get(`isolate-${loaded}`, () => ({
      compatibilityDate: date,
      // Without the second flag workers-oauth-provider prints a warning.
      compatibilityFlags: ['nodejs_compat', 'global_fetch_strictly_public'],
      mainModule: 'main.js',
      modules: { 'main.js': module },
      env,
    }))
    const response = await worker.getEntrypoint().fetch(`http://127.0.0.1${path}`)
    await response.arrayBuffer()
    const ms = performance.now() - startedAt
    return Response.json({ ms, status: response.status })
  },
} satisfies ExportedHandler<Env>
