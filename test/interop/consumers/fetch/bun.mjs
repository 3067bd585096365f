import { handlerOf } from './app.mjs'

const { env } = process
Bun.serve({ port: Number(env.PORT), hostname: '127.0.0.1', fetch: handlerOf(env) })
console.log('it serves')
