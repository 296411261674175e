import { type Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import type { Firewall } from '@doublehop/firewall/flows/paths'
import { REFUSALS } from './lab/isolated/refusals.ts'
import { stateOption } from './program-options.ts'

/** Looks at the firewalls of an isolated lab, breaks them and mends them while it runs. */
export function addFirewall(doublehop: Command): void {
  const firewall = doublehop
    .command('firewall')
    .description('look at the firewalls of an isolated lab, break and mend them')
  onSome(firewall.command('show'))
    .description('what is loaded')
    .action(async (options) => (await commands()).firewallShow(options))
  onSome(firewall.command('drop').argument('<flow>'))
    .description('take the rule of a flow away')
    .action(async (flow, options) => (await commands()).firewallDrop(flow, options))
  onSome(firewall.command('reject').argument('<flow>'))
    .description('refuse a flow aloud')
    .addOption(new Option('--as <kind>', 'what the source hears').choices(REFUSALS))
    .action(async (flow, options) => (await commands()).firewallReject(flow, options))
  onSome(firewall.command('leak').argument('<flow>'))
    .description('let a flow through on every firewall of its path')
    .action(async (flow, options) => (await commands()).firewallLeak(flow, options))
  onSome(firewall.command('mute').argument('<flow>'))
    .description('lose the answers to a flow')
    .action(async (flow, options) => (await commands()).firewallMute(flow, options))
  onSome(firewall.command('idle-timeout').argument('<seconds>', '', within(1, 86_400)))
    .description('forget connections that were silent for so long')
    .action(async (seconds, options) => (await commands()).firewallIdleTimeout(seconds, options))
  onSome(firewall.command('mtu').argument('<bytes>', '', within(68, 65_535)))
    .description('lose larger packets, and tell nobody')
    .action(async (bytes, options) => (await commands()).firewallMtu(bytes, options))
  onSome(firewall.command('loss').argument('<percent>', '', within(1, 99)))
    .description('lose so many of a hundred packets')
    .action(async (percent, options) => (await commands()).firewallLoss(percent, options))
  firewall
    .command('snat')
    .argument('<firewall>', '', firewallOf)
    .description('put its own address in the place of every source')
    .addOption(stateOption())
    .action(async (one, { state }) => (await commands()).firewallSnat(one, state))
  firewall
    .command('state-off')
    .argument('<firewall>', '', firewallOf)
    .description('let no answer through')
    .addOption(stateOption())
    .action(async (one, { state }) => (await commands()).firewallStateOff(one, state))
  onSome(firewall.command('reset'))
    .description('load the rules of the configuration again, and undo all else')
    .action(async (options) => (await commands()).firewallReset(options))
}

function commands() {
  return import('./commands/firewall.ts')
}

function onSome<Args extends unknown[], Options extends Record<string, unknown>>(
  command: Command<Args, Options>,
) {
  return command
    .option('--firewall <number>', 'this one alone', firewallOf)
    .addOption(stateOption())
}

function firewallOf(text: string): Firewall {
  if (/^[123]$/.test(text)) return Number(text) as Firewall
  throw new InvalidArgumentError('Expected 1, 2 or 3.')
}

function within(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^\d+$/.test(text) && number >= least && number <= most) return number
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}
