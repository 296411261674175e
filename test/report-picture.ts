/**
 * Makes docs/images/report.png: the first screen of a report, as Chromium shows it. In the README it is that of an
 * isolated lab of which one rule was dropped:
 *
 *     doublehop check --format json >results.json; node test/report-picture.ts results.json
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { readResults } from '@doublehop/cli/result-files'
import { join } from '@doublehop/firewall/report/join'
import { reportPage } from '@doublehop/firewall/report/page'
import { launchBrowser } from './kit/browser.ts'

const WIDTH = 1280
const picture = joinPath(import.meta.dirname, '../docs/images/report.png')
const folder = mkdtempSync(joinPath(tmpdir(), 'doublehop-report-'))
const browser = await launchBrowser()
try {
  const file = joinPath(folder, 'report.html')
  writeFileSync(file, reportPage(join(readResults(process.argv[2] ?? '-').checks, [])))
  const page = await browser.newPage({
    colorScheme: 'light',
    viewport: { width: WIDTH, height: 1200 },
  })
  await page.goto(`file://${file}`)
  const legend = await page.locator('.legend').boundingBox()
  if (legend === null) throw new Error('the report has no picture')
  const height = Math.ceil(legend.y + legend.height + 12)
  await page.screenshot({ path: picture, clip: { x: 0, y: 0, width: WIDTH, height } })
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}
