import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { holding } from '../src/lock.ts'
import { EVERYTHING, Lab } from './new-lab.ts'

/**
 * Starts a process that says `ready`, waits for a line and then runs the code, in which `folder`
 * is the lab's folder and the functions of lab.ts and lock.ts are at hand.
 */
async function prepare(t: Test, lab: Lab, code: string): Promise<ChildProcess> {
  const script = `
    import { once } from 'node:events'
    import { holding } from ${JSON.stringify(import.meta.resolve('../src/lock.ts'))}
    import { makeLabCertificates } from ${JSON.stringify(import.meta.resolve('../src/lab.ts'))}
    const folder = ${JSON.stringify(lab.folder)}
    process.stdout.write('ready')
    await once(process.stdin, 'data')
    ${code}
    process.stdin.destroy()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdout?.setEncoding('utf8')
  t.equal(await nextOutput(child), 'ready')
  return child
}

async function nextOutput(child: ChildProcess): Promise<string> {
  const [text] = await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data')
  return text
}

t.test('of processes at once, one makes the lab and the others keep it', async (t) => {
  for (let round = 0; round < 5; round++) {
    const lab = new Lab(t)
    const code = `
      const { made, kept } = makeLabCertificates(folder)
      process.stdout.write(made.length + ' made, ' + kept.length + ' kept')`
    const children = await Promise.all(Array.from({ length: 4 }, () => prepare(t, lab, code)))
    const outputs = children.map(nextOutput)
    const ends = children.map((child) => once(child, 'exit'))
    for (const child of children) child.stdin?.write('go\n')

    const all = EVERYTHING.length
    const kept = `0 made, ${all} kept`
    t.strictSame((await Promise.all(outputs)).sort(), [kept, kept, kept, `${all} made, 0 kept`])
    t.strictSame(await Promise.all(ends), Array(4).fill([0, null]))
    t.strictSame(lab.make().kept, EVERYTHING, 'and it fits together')
  }
})

t.test('who comes second waits, and gives up in the end', async (t) => {
  const lab = new Lab(t)
  mkdirSync(lab.folder)
  const code = `holding(folder, () => {
    process.stdout.write('held')
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })`
  const holder = await prepare(t, lab, code)
  holder.stdin?.write('go\n')
  t.equal(await nextOutput(holder), 'held')
  t.throws(() => holding(lab.folder, () => t.fail('held twice'), 50), {
    message: `another process is at work in ${lab.folder}`,
  })

  holder.kill('SIGKILL')
  await once(holder, 'exit')
  t.strictSame(lab.make().made, EVERYTHING, 'a killed holder holds nothing')
})

t.test('a failure gives the folder back', async (t) => {
  const lab = new Lab(t)
  mkdirSync(lab.folder)
  const fail = () => {
    throw new Error('the work went wrong')
  }
  t.throws(() => holding(lab.folder, fail), { message: 'the work went wrong' })
  const result = holding(lab.folder, () => 'done', 50)
  t.equal(result, 'done')
})

t.test('a folder that cannot be locked is left alone', async (t) => {
  const lab = new Lab(t)
  mkdirSync(lab.path('.lock'), { recursive: true })
  t.throws(() => lab.make(), { message: `${lab.path('.lock')} cannot be locked` })
  t.strictSame(readdirSync(lab.folder), ['.lock'])
})
