/** What Prometheus would read, or an error where it would refuse. */

interface Family {
  readonly type: string
  readonly samples: { readonly labels: Record<string, string>; readonly value: number }[]
}

const LABEL = /([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"/y

/** Reads text exposition format 0.0.4 strictly: HELP and TYPE before a metric's samples, no series twice. */
export function readExposition(text: string): Record<string, Family> {
  const families: Record<string, Family> = {}
  const series = new Set<string>()
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new Error('the last line has no end')
  let helped = ''
  for (const line of lines) {
    const help = /^# HELP (\w+) (\S.*)$/.exec(line)
    const type = /^# TYPE (\w+) (gauge|counter)$/.exec(line)
    const sample = /^(\w+)\{(.*)\} (\S+)$/.exec(line)
    if (help) helped = help[1] ?? ''
    else if (type) {
      if (type[1] !== helped || helped in families) throw new Error(`out of place: ${line}`)
      families[helped] = { type: type[2] ?? '', samples: [] }
    } else if (sample) {
      const [, name = '', labels = '', value = ''] = sample
      if (name !== helped || Number.isNaN(Number(value))) throw new Error(`no sample: ${line}`)
      const key = `${name}{${labels}}`
      if (series.has(key)) throw new Error(`twice: ${line}`)
      series.add(key)
      families[name]?.samples.push({ labels: labelsOf(labels), value: Number(value) })
    } else throw new Error(`no line of the format: ${line}`)
  }
  return families
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  let at = 0
  while (at < text.length) {
    LABEL.lastIndex = at
    const found = LABEL.exec(text)
    if (found === null) throw new Error(`no label at ${text.slice(at)}`)
    const [all, name = '', value = ''] = found
    labels[name] = value.replace(/\\([\\"n])/g, (_, one: string) => (one === 'n' ? '\n' : one))
    at += all.length
    if (at < text.length && text[at++] !== ',') throw new Error(`no comma at ${text.slice(at - 1)}`)
  }
  return labels
}
