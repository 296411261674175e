import { Command, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { addFirewall } from './program-firewall.ts'
import { addFirewalls } from './program-firewalls.ts'
import { stateOption } from './program-options.ts'

/** What stands in this process's package; one version for all packages. */
const VERSION = '0.1.0'

/**
 * All commands. What a command does is loaded when it is called, so that each starts as fast as it can.
 *
 * Throws CommanderError instead of ending the process.
 */
export function program(): Command {
  const doublehop = new Command('doublehop')
    .description(
      'Carries a user’s session through two DMZs, and proves the firewalls between them.',
    )
    .version(VERSION)
    .exitOverride()
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .showHelpAfterError('(see doublehop help)')
  addLab(doublehop)
  addFirewall(doublehop as unknown as Command)
  addOperations(doublehop)
  addWorkspace(doublehop)
  addFirewalls(doublehop as unknown as Command)
  addTools(doublehop)
  addDaemons(doublehop)
  return doublehop as unknown as Command
}

function addLab(doublehop: Command): void {
  doublehop.commandsGroup('The lab:')
  doublehop
    .command('up')
    .description(
      'start gateway, proxy, storefront, STA and VDA on loopback, and launch through them',
    )
    .option('--ephemeral', 'take free ports instead of the usual ones', false)
    .option('--no-demo', 'launch nothing')
    .option('--json', 'print one line when ready', false)
    .option('--app <name=address:port>', 'publish a real server too, as app NAME', collectApps, [])
    .addOption(
      new Option(
        '--isolate <how>',
        'each daemon in a network namespace of its own, behind three firewalls (root, Linux)',
      ).choices(['netns']),
    )
    .addOption(
      new Option('--family <family>', 'the addresses of an isolated lab').choices(['4', '6']),
    )
    .addOption(stateOption())
    .option('--certs <dir>', 'where the certificates lie, or are made', 'certs')
    .action(async (options) => {
      const { up } = await import('./commands/up.ts')
      process.exitCode = await up(options)
    })
}

function addOperations(doublehop: Command): void {
  doublehop.commandsGroup('Running daemons, of ./doublehop.yaml or else of the lab:')
  withAdmin(doublehop.command('health'))
    .description('tell whether each is ready; exit code 0 if so, 1 if not')
    .action(async (options) => {
      const { health } = await import('./commands/health.ts')
      process.exitCode = await health(options)
    })
  withAdmin(doublehop.command('sessions'))
    .description('show what runs through gateway and proxy')
    .action(async (options) => {
      const { sessions } = await import('./commands/sessions.ts')
      await sessions(options)
    })
}

function addWorkspace(doublehop: Command): void {
  doublehop.commandsGroup('The workspace:')
  withAccess(doublehop.command('apps'))
    .description('list what is published')
    .option('--json', 'as JSON', false)
    .action(async (options) => {
      const { apps } = await import('./commands/apps.ts')
      await apps(options)
    })
  withAccess(doublehop.command('ticket'))
    .description('get a one-time ticket for an app')
    .requiredOption('--app <name>', 'the published app')
    .option('--json', 'as {"ticket","expires"}', false)
    .action(async (options) => {
      const { ticket } = await import('./commands/ticket.ts')
      await ticket(options)
    })
  withLaunch(withAccess(doublehop.command('launch')))
    .description('launch an app and join it to standard input and output')
    .argument('[file]', 'an ICA file')
    .option('--app <name>', 'get a ticket for this app first')
    .option(
      '--ticket <ticket>',
      'launch with this ticket; - reads it from the environment variable DOUBLEHOP_TICKET',
    )
    .option('--steps', 'show the steps of the launch on standard error', false)
    .action(async (file, options) => {
      const { launchCommand } = await import('./commands/launch.ts')
      process.exitCode = await launchCommand(file, options)
    })
  withLaunch(withAccess(doublehop.command('forward')))
    .description('give every connection to a local port its own ticket and session')
    .requiredOption('--app <name>', 'the published app')
    .requiredOption('--listen <[address:]port>', 'where to listen; port 0 takes a free one')
    .option('--allow-remote', 'listen on an address that is not loopback', false)
    .option('--json', 'print one line when ready', false)
    .action(async (options) => {
      const { forwardCommand } = await import('./commands/forward.ts')
      process.exitCode = await forwardCommand(options)
    })
}

function addTools(doublehop: Command): void {
  doublehop.commandsGroup('Tools:')
  doublehop
    .command('certs')
    .description('make the lab’s certificates and keys, those that are missing or about to end')
    .argument('<dir>', 'where')
    .action(async (dir) => {
      const { certs } = await import('./commands/certs.ts')
      certs(dir)
    })
  const config = doublehop
    .command('config')
    .description('check a configuration file, or print its schema')
  config
    .command('check')
    .description('check a configuration file')
    .argument('<file>')
    .action(async (file) => {
      const { configCheck } = await import('./commands/config.ts')
      process.exitCode = configCheck(file)
    })
  config
    .command('schema')
    .description('print the JSON Schema of doublehop.yaml, for editors')
    .action(async () => {
      const { configSchema } = await import('./commands/config.ts')
      configSchema()
    })
  doublehop
    .command('completion')
    .description('print a completion script: source <(doublehop completion bash)')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell) => {
      const { completion } = await import('./commands/completion.ts')
      completion(shell, program())
    })
}

function addDaemons(doublehop: Command): void {
  doublehop.commandsGroup('Daemons:')
  const daemons = {
    gateway: 'DMZ 1: where the workspace arrives',
    proxy: 'DMZ 2: the second hop',
    storefront: 'DMZ 2: publishes and launches, behind the gateway',
    sta: 'internal: issues and redeems tickets',
    vda: 'internal: a mock of the server that runs the apps',
  } as const
  for (const [name, where] of Object.entries(daemons) as [keyof typeof daemons, string][]) {
    doublehop
      .command(name)
      .description(where)
      .option('--config <file>', 'the configuration file', 'doublehop.yaml')
      .option('--set <path=value>', 'override one value of it', collect, [])
      .action(async ({ config, set }) => {
        const { runDaemon } = await import('./commands/daemon.ts')
        process.exit(await runDaemon(name, config, set))
      })
  }
}

/** How a command finds the daemons it asks. */
function withAdmin(command: Command) {
  return command
    .addOption(
      new Option(
        '--admin <address:port...>',
        'ask these admin listeners, whatever a file says',
      ).conflicts('config'),
    )
    .option('--config <file>', 'ask the daemons that this configuration file has a section for')
    .option('--json', 'as JSON', false)
    .addOption(stateOption())
}

/** How a command reaches its gateway. */
function withAccess(command: Command) {
  return command
    .option('--gateway <address:port>', 'the gateway, whatever a file says')
    .option('--server-name <name>', 'the name its certificate must hold')
    .option('--ca <file>', 'the CA to check it against')
    .option('--token <file>', 'the bearer token for the storefront')
    .option(
      '--config <file>',
      'a configuration file with a workspace section; ./doublehop.yaml if there is one',
    )
    .addOption(
      new Option('--from <zone>', 'the zone of an isolated lab to start from')
        .choices(['internet', 'lan'])
        .default('internet' as const),
    )
    .addOption(stateOption())
}

function withLaunch<Args extends unknown[], Options extends Record<string, unknown>>(
  command: Command<Args, Options>,
) {
  return command
    .addOption(
      new Option('--port <port>', 'which address of the app')
        .choices(['2598', '1494'])
        .default('2598' as const),
    )
    .addOption(
      new Option('--protocol <protocol>', 'how to speak to the gateway')
        .choices(['socks', 'cgp'])
        .default('socks' as const),
    )
}

function collect(value: string, before: string[]): string[] {
  return [...before, value]
}

function collectApps(
  text: string,
  before: { name: string; target: string }[],
): { name: string; target: string }[] {
  const [, name, target] = /^([A-Za-z0-9][A-Za-z0-9._-]*)=(.+:\d+)$/.exec(text) ?? []
  if (name === undefined || target === undefined)
    throw new InvalidArgumentError('Expected NAME=address:port.')
  return [...before, { name, target }]
}
