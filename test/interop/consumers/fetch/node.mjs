import { createServer } from 'node:http'
import { handlerOf } from './app.mjs'

const { env } = process
const handle = handlerOf(env)

createServer(async (req, res) => {
  const headers = Object.entries(req.headersDistinct).flatMap(([name, values]) =>
    values.map((value) => [name, value]),
  )
  const { method } = req
  const answer = await handle(
    new Request(`http://${req.headers.host}${req.url}`, { method, headers }),
  )
  res.writeHead(answer.status, Object.fromEntries(answer.headers))
  res.end(await answer.text())
}).listen(Number(env.PORT), '127.0.0.1', () => console.log('it serves'))
