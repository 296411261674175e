// Tells what this process may do: the folders it can write to, its user and its capabilities.
import { accessSync, constants, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const writable = []

function look(folder) {
  if (['/proc', '/sys'].includes(folder)) return
  if (canWrite(folder)) writable.push(folder)
  for (const entry of list(folder)) if (entry.isDirectory()) look(join(folder, entry.name))
}

function canWrite(folder) {
  try {
    accessSync(folder, constants.W_OK)
    writeFileSync(join(folder, 'written-by-a-test'), '')
    rmSync(join(folder, 'written-by-a-test'))
    return true
  } catch {
    return false
  }
}

function list(folder) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}

look('/')
const status = readFileSync('/proc/1/status', 'utf8')
const line = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1].replaceAll('\t', ' ')
const capabilities = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(line)
const main = {
  uid: line('Uid'),
  gid: line('Gid'),
  capabilities,
  noNewPrivileges: line('NoNewPrivs'),
}
console.log(JSON.stringify({ writable, main }))
