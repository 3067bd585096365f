import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { runMcpHost } from './mcp-host.mjs'

await runMcpHost({ Client, StreamableHTTPClientTransport })
