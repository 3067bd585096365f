/** A host that supports only local MCP servers: it starts `mcp-remote` with its arguments, and calls a tool through it. */

import { createRequire } from 'node:module'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'

const proxy = createRequire(import.meta.url).resolve('mcp-remote/dist/proxy.js')
const [tool, ...words] = process.argv.slice(2)
const client = new Client({ name: 'host', version: '1.0.0' })
await client.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: [proxy, ...words],
    env: process.env,
    stderr: 'inherit',
  }),
)
const { content } = await client.callTool({ name: tool, arguments: {} })
console.log(content[0].text)
await client.close()
process.exit(0)
