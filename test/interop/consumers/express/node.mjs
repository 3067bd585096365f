import { introspection, keySet, protectedResource, scoped } from 'edge-registry/express'
import express from 'express'
import { BOTH, describedBy, METADATA, READ, waysOf } from './ways.mjs'

const { env } = process
const app = express()
app.all(METADATA, protectedResource(describedBy(env)))
const send = (_req, res) => {
  res.json(res.locals.session)
}
for (const [name, options] of Object.entries(waysOf({ introspection, keySet }, env))) {
  const router = express.Router()
  router.get('/read', scoped(READ, options), send)
  router.get('/both', scoped(BOTH, options), send)
  app.use(`/${name}`, router)
}
app.listen(Number(env.PORT), '127.0.0.1', () => console.log('it serves'))
