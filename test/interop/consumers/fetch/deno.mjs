import { handlerOf } from './app.mjs'

const env = Deno.env.toObject()
Deno.serve(
  { port: Number(env.PORT), hostname: '127.0.0.1', onListen: () => console.log('it serves') },
  handlerOf(env),
)
