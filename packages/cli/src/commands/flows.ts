import { fault } from '@doublehop/errors/fault'
import type { Flow } from '@doublehop/firewall/flows/flow'
import { flowsOf } from '@doublehop/firewall/flows/flows'
import { matrixCsv } from '@doublehop/firewall/formats/matrix-csv'
import { matrixJson } from '@doublehop/firewall/formats/matrix-json'
import { matrixMarkdown } from '@doublehop/firewall/formats/matrix-markdown'
import { matrixTable } from '@doublehop/firewall/formats/matrix-table'
import { nearest } from '@doublehop/settings/nearest'
import { type ConfigurationOptions, loadConfiguration } from '../configuration-file.ts'

export interface FlowsOptions extends ConfigurationOptions {
  readonly format: 'table' | 'json' | 'csv' | 'markdown'
  /** ids of flows; left out, all */
  readonly only?: readonly string[] | undefined
}

/**
 * doublehop flows: the matrix. Nothing is sent.
 *
 * @returns the exit code @throws Fault DH_FW_FLOW, DH_FW_ADDRESS, DH_FW_ZONE, DH_FW_NAME, DH_CONFIG…, DH_NO_LAB
 */
export function flows(options: FlowsOptions): number {
  const all = flowsOf(loadConfiguration(options))
  process.stdout.write(written(chosen(all, options.only), options.format))
  return 0
}

function chosen(all: readonly Flow[], only: readonly string[] | undefined): readonly Flow[] {
  if (only === undefined) return all
  const ids = all.map(({ id }) => id)
  const unknown = only.find((id) => !ids.includes(id))
  if (unknown === undefined) return all.filter(({ id }) => only.includes(id))
  const near = nearest(unknown, ids)
  throw fault('DH_FW_FLOW', {
    flow: unknown,
    nearest: near === undefined ? '' : `; did you mean ${near}?`,
  })
}

function written(flows: readonly Flow[], format: FlowsOptions['format']): string {
  switch (format) {
    case 'table':
      return matrixTable(flows, process.stdout.isTTY ? process.stdout.columns : undefined)
    case 'json':
      return matrixJson(flows)
    case 'csv':
      return matrixCsv(flows)
    case 'markdown':
      return matrixMarkdown(flows)
  }
}
