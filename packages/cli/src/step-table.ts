import { styleText } from 'node:util'
import type { StepLine } from '@doublehop/daemon/steps'

/** Steps as lines of a table: number, name, route, what was seen, how long it took. */
export function stepTable(steps: readonly StepLine[], stream: NodeJS.WriteStream): string {
  const width = (pick: (line: StepLine) => string): number =>
    Math.max(0, ...steps.map((line) => pick(line).length))
  const widths = {
    name: width(({ name }) => name),
    route: width(({ route }) => route),
    detail: width(({ detail }) => detail),
  }
  return steps
    .map(({ step, name, route, detail, ms }) => {
      const took = `${ms.toFixed(1)} ms`.padStart(9)
      const label = styleText('bold', `${step} ${name.padEnd(widths.name)}`, { stream })
      return `  ${label}  ${route.padEnd(widths.route)}  ${detail.padEnd(widths.detail)}  ${styleText('dim', took, { stream })}\n`
    })
    .join('')
}
