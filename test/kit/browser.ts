import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { toolPath } from './tools.ts'

/** Debian's Chromium, which asks nobody for anything by itself; its profile goes when it is closed. */
export async function launchBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath: toolPath('chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    timeout: 60_000,
  })
}

/** One that ends with the test. */
export async function startBrowser(t: Test): Promise<Browser> {
  const browser = await launchBrowser()
  t.teardown(() => browser.close())
  return browser
}

/** A page, and all that should not have happened while it was looked at. */
export interface Visit {
  readonly page: Page
  /** what was asked for beside the page itself */
  readonly requests: readonly string[]
  /** what the console, dialogs and exceptions said */
  readonly complaints: readonly string[]
}

/** Opens a file, in a context of its own that ends with the test. */
export async function visit(
  t: Test,
  browser: Browser,
  file: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  context.setDefaultTimeout(30_000)
  const page = await context.newPage()
  const address = `file://${file}`
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => {
    if (request.url() !== address) requests.push(request.url())
  })
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('dialog', (dialog) => {
    complaints.push(dialog.message())
    void dialog.dismiss()
  })
  await page.goto(address)
  await page.evaluate(`(() => { ${IN_THE_PAGE}\n})()`)
  return { page, requests, complaints }
}

const IN_THE_PAGE = readFileSync(join(import.meta.dirname, 'in-the-page.mjs'), 'utf8')

/** Asks one of the questions at the end of in-the-page.mjs; each answers with complaints, or with what it found. */
export async function askPage<Answer>(
  page: Page,
  question: string,
  argument = '',
): Promise<Answer> {
  return await page.evaluate<Answer>(`globalThis.looks.${question}(${JSON.stringify(argument)})`)
}
