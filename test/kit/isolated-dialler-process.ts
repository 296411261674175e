import { connect } from 'node:net'
import type { Dialled, ToDial } from './isolated-dialler.ts'

/** Dials what it is told, from the namespace that it is in, and tells what became of it. */
process.on('message', ({ id, ...place }: ToDial & { id: number }) => {
  void dial(place).then((dialled) => process.send?.({ id, ...dialled }))
})
process.once('disconnect', () => process.exit())
process.send?.('ready')

async function dial({ host, port, milliseconds }: ToDial): Promise<Dialled> {
  const began = performance.now()
  const { promise, resolve } = Promise.withResolvers<Omit<Dialled, 'milliseconds'>>()
  const socket = connect({ host, port })
  socket.setEncoding('latin1')
  socket.once('connect', () => {
    const quiet = setTimeout(() => resolve({ became: 'open', said: '' }), 150)
    socket.once('data', (said) => resolve({ became: 'open', said: String(said) }))
    socket.once('close', () => clearTimeout(quiet))
  })
  socket.once('error', ({ code }: NodeJS.ErrnoException) =>
    resolve({ became: code ?? 'unknown', said: '' }),
  )
  const late = setTimeout(() => resolve({ became: 'silence', said: '' }), milliseconds)
  const { became, said } = await promise
  clearTimeout(late)
  socket.destroy()
  return { became, said, milliseconds: performance.now() - began }
}
