import { type Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { RULE_FORMATS } from '@doublehop/firewall/rules/format-names'
import { ZONES, type Zone } from '@doublehop/settings/zones'
import { stateOption } from './program-options.ts'

/** Commands whose exit code is a verdict: 0 as it must be, 1 blocked, 2 leak, 3 no verdict, wrong usage included. */
export const VERDICT_COMMANDS: readonly string[] = ['check', 'report', 'rules']

/** Commands that print and end: whoever reads may leave early, as `head` does. */
export const PRINTING_COMMANDS: readonly string[] = [
  ...VERDICT_COMMANDS,
  ...['flows', 'plan', 'listen', 'trace'],
]

/** What network engineers prove their rules with. */
export function addFirewalls(doublehop: Command): void {
  doublehop.commandsGroup('Firewalls, of ./doublehop.yaml or else of the lab:')
  addPlanning(doublehop)
  addChecking(doublehop)
  addLooking(doublehop)
}

function addPlanning(doublehop: Command): void {
  withConfiguration(doublehop.command('flows'))
    .description('list every flow that the system needs, and every one that must not work')
    .addOption(
      new Option('--format <format>')
        .choices(['table', 'json', 'csv', 'markdown'])
        .default('table' as const),
    )
    .option('--only <flow...>', 'these flows alone')
    .action(async (options) => {
      const { flows } = await import('./commands/flows.ts')
      process.exitCode = flows(options)
    })
  withConfiguration(doublehop.command('rules'))
    .description('print the rules of a firewall, or what is wrong with those that are loaded')
    .addOption(
      new Option('--firewall <number>', 'which of the picture')
        .choices(['1', '2', '3', 'all'])
        .makeOptionMandatory(),
    )
    .addOption(new Option('--format <format>').choices(RULE_FORMATS).default('nftables' as const))
    .addOption(
      new Option('--family <family>', 'one family alone, for iptables').choices(['4', '6']),
    )
    .option('--diff <file>', 'hold `nft -j list ruleset` or `iptables-save` against them')
    .action(async (options) => {
      const { rules } = await import('./commands/rules.ts')
      process.exitCode = rules(options)
    })
  withConfiguration(doublehop.command('plan'))
    .description('print the probes of one zone, for a host that need not know the others')
    .requiredOption('--zone <zone>', 'the zone', zoneOf)
    .action(async (options) => {
      const { plan } = await import('./commands/plan.ts')
      plan(options)
    })
}

function addChecking(doublehop: Command): void {
  withConfiguration(doublehop.command('check'))
    .description(
      'try every flow that starts on this host; 0 as it must be, 1 blocked, 2 leak, 3 no verdict',
    )
    .option('--zone <zone>', 'the zone to check; left out, that of this host', zoneOf)
    .addOption(
      new Option('--plan <file>', 'what doublehop plan printed; - is standard input').conflicts([
        'config',
        'zone',
      ]),
    )
    .option('--only <flow...>', 'these flows alone')
    .option('--timeout <duration>', 'how long silence is listened to', secondsOf, 4)
    .addOption(
      new Option('--format <format>')
        .choices(['table', 'json', 'jsonl', 'tap', 'junit', 'prometheus'])
        .default('table' as const),
    )
    .option(
      '--ticket <ticket>',
      'spend a ticket to go all the way to a server; - reads it from the environment variable DOUBLEHOP_TICKET',
    )
    .addOption(
      new Option('--watch [seconds]', 'again and again, with what changed')
        .argParser(secondsOf)
        .conflicts('ticket'),
    )
    .option('--baseline <file>', 'tell what has changed since this result (JSON)')
    .option('--deep', 'look for what a port test cannot see, against doublehop listen', false)
    .option('--idle-max <duration>', 'the longest silence that --deep tries', secondsOf, 120)
    .action(async (options) => {
      const { check } = await import('./commands/check.ts')
      process.exitCode = await check(options)
    })
  withConfiguration(doublehop.command('listen'))
    .description('stand in for the daemons of a zone that are not there yet')
    .requiredOption('--zone <zone>', 'the zone', zoneOf)
    .option('--plan <file...>', 'plans of other zones that lead here, instead of a configuration')
    .option('--at <address...>', 'at these addresses alone')
    .option('--for <duration>', 'end by itself after this time', secondsOf)
    .addOption(
      new Option('--format <format>').choices(['table', 'jsonl', 'json']).default('table' as const),
    )
    .action(async (options) => {
      const { listen } = await import('./commands/listen.ts')
      process.exitCode = await listen(options)
    })
}

function addLooking(doublehop: Command): void {
  doublehop
    .command('report')
    .description('join the results of several zones into one verdict and one HTML page')
    .argument('<file...>', 'what check and listen wrote with --format json')
    .option('--html <file>', 'where the page goes', 'report.html')
    .action(async (files, options) => {
      const { report } = await import('./commands/report.ts')
      process.exitCode = report(files, options)
    })
  doublehop
    .command('trace')
    .description('tell from all logs what became of a session, or list the newest')
    .argument('[session...]', 'session ids, or their first six digits or more')
    .option('--logs <file...>', 'files of logs, - for standard input; left out, those of the lab')
    .option('--config <file>', 'the configuration, for flows and certificate names')
    .addOption(new Option('--format <format>').choices(['table', 'json']).default('table' as const))
    .addOption(stateOption())
    .action(async (ids, options) => {
      const { trace } = await import('./commands/trace.ts')
      await trace(ids, options)
    })
}

/** How a command finds the configuration. */
function withConfiguration(command: Command) {
  return command
    .option('--config <file>', 'a configuration file with all daemons')
    .addOption(stateOption())
}

function zoneOf(text: string): Zone {
  const zone = ZONES.find((one) => one === text)
  if (zone === undefined) throw new InvalidArgumentError(`Expected one of ${ZONES.join(', ')}.`)
  return zone
}

/** `4`, `250 ms`, `10 s`, `5 min`: seconds where no unit is said. */
function secondsOf(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?) ?(ms|s|min|h)?$/.exec(text) ?? []
  const seconds = Number(number) * { ms: 0.001, s: 1, min: 60, h: 3600 }[unit as 's']
  if (!(seconds > 0 && seconds <= 86_400))
    throw new InvalidArgumentError('Expected a duration such as 4, 250ms, 10s or 5min.')
  return seconds
}
