import { serve } from '@hono/node-server'
import { appOf } from './app.mjs'

const { env } = process
serve({ fetch: appOf(env).fetch, port: Number(env.PORT), hostname: '127.0.0.1' }, () => {
  console.log('it serves')
})
