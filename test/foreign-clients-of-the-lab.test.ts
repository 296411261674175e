import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from './kit/foreign.ts'
import { temporaryFolder } from './kit/house.ts'
import { LabProcess } from './kit/lab-process.ts'
import { Sshd } from './kit/sshd.ts'
import { missing } from './kit/tools.ts'

const MEGABYTE = 1_000_000

t.test(
  'a lab with a real sshd behind it',
  { skip: missing('sshd', 'ssh', 'scp', 'ssh-keygen') },
  async (t) => {
    const sshd = await Sshd.start(t)
    const lab = await LabProcess.up(t, [`ssh=127.0.0.1:${sshd.port}`])
    const port = await lab.forward('ssh')

    t.test('lets ssh run a command, and brings its exit code back', async (t) => {
      t.match(await sshd.ssh(port, 'echo there; echo trouble >&2; exit 7'), {
        code: 7,
        stdout: Buffer.from('there\n'),
        stderr: 'trouble\n',
      })
    })

    t.test('lets scp copy 100 MB byte for byte', async (t) => {
      const folder = temporaryFolder()
      const bytes = randomBytes(100 * MEGABYTE)
      writeFileSync(join(folder, 'here'), bytes)
      const { code, stderr } = await sshd.scp(port, join(folder, 'here'), join(folder, 'there'))
      t.equal(code, 0, stderr)
      t.equal(sha256(readFileSync(join(folder, 'there'))), sha256(bytes))
    })

    t.test(
      'looks like an ICA server to nmap at a forwarded port 1494',
      { skip: missing('nmap') },
      async (t) => {
        const ica = await lab.forward('echo', '1494')
        const { code, stdout } = await run(t, 'nmap', [
          '-n',
          '-Pn',
          '-sT',
          '-sV',
          '-p',
          `${ica}`,
          '127.0.0.1',
        ])
        t.equal(code, 0)
        t.match(String(stdout), new RegExp(`^${ica}/tcp open +citrix-ica`, 'm'))
      },
    )
  },
)

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
