// HTTP on uWebSockets.js: reads bodies within a limit, answers in one write, forgets requests whose client has gone.

import { App, us_listen_socket_close, us_socket_local_port } from 'uWebSockets.js'
import type { HttpRequest, HttpResponse, us_listen_socket } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { MillraceError } from '../../shared/errors.ts'
import type { HttpAnswer, Router } from './router.ts'

const BODY_MAX_BYTES = 1024 * 1024

export type HttpAddress = { readonly host: string; readonly port: number }

export class AdminHttpServer {
  readonly host: string
  readonly port: number
  readonly #app: ReturnType<typeof App>
  readonly #socket: us_listen_socket

  private constructor(app: ReturnType<typeof App>, socket: us_listen_socket, host: string) {
    this.#app = app
    this.#socket = socket
    this.host = host
    this.port = us_socket_local_port(socket)
  }

  get url(): string { return `http://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}` }

  /** The router is asked for with the first request, and with each one after. Throws a MillraceError where the address is taken. */
  static async listen({ host, port }: HttpAddress, loadRouter: () => Promise<Router>): Promise<AdminHttpServer> {
    const app = App()
    app.any('/*', (response, request) => serve(response, request, loadRouter))
    const socket = await new Promise<us_listen_socket | false>((resolve) => app.listen(host, port, resolve))
    if (socket === false) throw new MillraceError('ADMIN_LISTENER', `the admin API cannot listen on ${host}:${port}: is the address in use?`)
    return new AdminHttpServer(app, socket, host)
  }

  close(): void {
    us_listen_socket_close(this.#socket)
    this.#app.close()
  }
}

function serve(response: HttpResponse, request: HttpRequest, loadRouter: () => Promise<Router>): void {
  const method = request.getMethod().toUpperCase()
  const path = request.getUrl()
  const query = request.getQuery() ?? ''
  let isGone = false
  response.onAborted(() => {
    isGone = true
  })
  const send = (answer: HttpAnswer): void => {
    if (!isGone) response.cork(() => write(response, answer))
  }
  const isRead = method === 'GET' || method === 'HEAD'
  const run = (body: string): void => void loadRouter().then((router) => router.answer(isRead ? 'GET' : method, path, query, body)).then(send)
  if (isRead) return run('')
  readBody(response, (body) => {
    if (body === null) send(TOO_LARGE)
    else run(body)
  })
}

const TOO_LARGE: HttpAnswer = {
  status: 413,
  contentType: 'application/problem+json; charset=utf-8',
  body: JSON.stringify({ type: 'about:blank', title: STATUS_CODES[413], status: 413, detail: `A body may have ${BODY_MAX_BYTES} bytes.`, error: 'INVALID_REQUEST' }),
}

/** Calls back once: with the whole body, or with null as soon as it is too large. */
function readBody(response: HttpResponse, done: (body: string | null) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  response.onData((chunk, isLast) => {
    if (size > BODY_MAX_BYTES) return
    size += chunk.byteLength
    if (size > BODY_MAX_BYTES) return done(null)
    // The chunk is gone after this call.
    chunks.push(Buffer.from(new Uint8Array(chunk)))
    if (isLast) done(Buffer.concat(chunks).toString('utf8'))
  })
}

function write(response: HttpResponse, { status, contentType, body }: HttpAnswer): void {
  response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`)
  if (body === null) {
    response.endWithoutBody()
    return
  }
  response.writeHeader('content-type', contentType)
  response.writeHeader('cache-control', 'no-store')
  response.end(body)
}
