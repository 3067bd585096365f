/** A small HTTP/1.1 client on sockets, which costs less than the servers that it measures. */

import { connect, type Socket } from 'node:net'

type Expected = Readonly<{ status: number; text: string }>

/** `send` resolves with null after a right response, and with the error after a wrong one. */
export type Connection = Readonly<{
  send: (request: Buffer) => Promise<string | null>
  close: () => void
}>

const HEAD_END = Buffer.from('\r\n\r\n')
const CHUNKED_END = Buffer.from('0\r\n\r\n')

/** The length of the response; null while it is incomplete. */
function endOf(bytes: Buffer): number | null {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd === -1) return null
  const bodyStart = headEnd + HEAD_END.length
  const head = bytes.toString('latin1', 0, bodyStart)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = bodyStart + Number(length)
    return bytes.length >= end ? end : null
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const end = bytes.indexOf(CHUNKED_END, bodyStart)
    return end === -1 ? null : end + CHUNKED_END.length
  }
  return bodyStart
}

const judge = (answer: string, { status, text }: Expected) =>
  answer.startsWith(`HTTP/1.1 ${status} `) && answer.includes(text) ? null : answer.slice(0, 600)

export const openConnection = (port: number, expected: Expected) =>
  new Promise<Connection>((opened, failed) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
    let received = Buffer.alloc(0)
    let settle: ((wrong: string | null) => void) | null = null
    let isOpen = false

    const end = (why: string) => {
      isOpen ? settle?.(why) : failed(new Error(why))
      settle = null
    }
    socket.once('connect', () => {
      isOpen = true
      opened({
        send: (request) =>
          new Promise((resolve) => {
            settle = resolve
            socket.write(request)
          }),
        close: () => socket.destroy(),
      })
    })
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const length = endOf(received)
      if (length === null) return
      const answer = received.toString('latin1', 0, length)
      received = received.subarray(length)
      const answered = settle
      settle = null
      answered?.(judge(answer, expected))
    })
    socket.on('error', (fault) => end(fault.message))
    socket.on('close', () => end('the connection was closed'))
  })
