import type { Command } from '@commander-js/extra-typings'
import { fault } from '@doublehop/errors/fault'

/** doublehop completion SHELL: a script made from the commands themselves. @throws Fault DH_USAGE */
export function completion(shell: string, program: Command): void {
  const words = wordsOf(program as unknown as CommandTree, '')
  if (shell === 'bash') process.stdout.write(bash(words))
  else if (shell === 'zsh')
    process.stdout.write(`autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`)
  else if (shell === 'fish') process.stdout.write(fish(words))
  else throw fault('DH_USAGE', { why: `completion is there for bash, zsh and fish, not ${shell}` })
}

interface CommandTree {
  name(): string
  readonly commands: readonly CommandTree[]
  readonly options: readonly { readonly long?: string | undefined }[]
}

/** What may follow each command: `config` → `check schema --help`. */
function wordsOf(command: CommandTree, path: string): [path: string, words: string[]][] {
  const options = command.options.flatMap(({ long }) => (long === undefined ? [] : [long]))
  const here: [string, string[]] = [
    path,
    [...command.commands.map((one) => one.name()), ...options, '--help'],
  ]
  return [here, ...command.commands.flatMap((one) => wordsOf(one, `${path} ${one.name()}`.trim()))]
}

function bash(words: readonly [string, string[]][]): string {
  const cases = words
    .map(([path, list]) => `    '${path}') words='${list.join(' ')}' ;;`)
    .join('\n')
  // What is no command is an argument of one: a file, or the value of an option.
  const commands = words.flatMap(([path]) => (path === '' ? [] : [`'${path}'`])).join('|')
  return `_doublehop() {
  local words path='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${path:+$path }\${COMP_WORDS[i]}" in
      ${commands}) path="\${path:+$path }\${COMP_WORDS[i]}" ;;
    esac
  done
  case $path in
${cases}
    *) words='' ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _doublehop doublehop
`
}

function fish(words: readonly [string, string[]][]): string {
  return words
    .flatMap(([path, list]) => {
      const [command] = path.split(' ').slice(-1)
      const when = path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${command}`
      return list.map((word) =>
        word.startsWith('--')
          ? `complete -c doublehop -n '${when}' -l ${word.slice(2)}`
          : `complete -c doublehop -f -n '${when}' -a ${word}`,
      )
    })
    .join('\n')
    .concat('\n')
}
