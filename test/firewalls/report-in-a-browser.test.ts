import { readFileSync, writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import type { CheckResult } from '@doublehop/firewall/check/result'
import { type Joined, join } from '@doublehop/firewall/report/join'
import { reportPage } from '@doublehop/firewall/report/page'
import type { Page } from 'playwright-core'
import t from 'tap'
import { everyZone, hostile, samples } from '../../packages/firewall/test/samples.ts'
import { askPage, startBrowser, visit } from '../kit/browser.ts'
import { missing } from '../kit/tools.ts'

const skip = missing('chromium')
// A browser is slow to start where much else runs.
t.setTimeout(300_000)

/** A report with something of everything: blocks, leaks on every kind of way, no verdict, zones and hosts missing. */
const troubled = everyZone({
  'gateway-proxy-1080': ['filtered'],
  'proxy-vda-1494': ['rejected', 'ICMP 3/13 (administratively prohibited) from 10.3.0.1'],
  'gateway-storefront-8444': ['unknown', 'EADDRNOTAVAIL 10.2.0.2'],
  'gateway-vda-2598': ['open'],
  'lan-sta-8080': ['open'],
  'vda-gateway-443': ['open'],
  'management-proxy-1080': ['open'],
  'internet-lan-4840': ['open'],
})

const reports: Readonly<Record<string, Joined>> = {
  healthy: everyZone(),
  troubled: { ...troubled, missing: ['lan'] },
  partial: joined(samples.leak, samples.oneHostOfTwo),
  ipv6: everyZone({}, 6),
  hostile: { ...joined(hostile), findings: hostile.findings },
  empty: joined(),
}

const folder = t.testdir({})
const fileOf = (name: string) => joinPath(folder, `${name}.html`)
for (const [name, report] of Object.entries(reports))
  writeFileSync(fileOf(name), reportPage(report))

function joined(...results: CheckResult[]): Joined {
  return join(results, [])
}

t.test('the report in a browser', { skip }, async (t) => {
  const browser = await startBrowser(t)

  t.test('opens from a file, asks for nothing, complains of nothing', async (t) => {
    for (const name of Object.keys(reports)) {
      const { page, requests, complaints } = await visit(t, browser, fileOf(name))
      t.same(requests, [], name)
      t.same(complaints, [], name)
      t.match(await page.title(), /: doublehop firewall report$/)
      const text = readFileSync(fileOf(name), 'utf8')
      t.equal(await askPage(page, 'complaintOfXml', text), null, `${name} is well-formed`)
    }
  })

  t.test('what a peer wrote runs nothing and looks like nothing but text', async (t) => {
    const { page, requests, complaints } = await visit(t, browser, fileOf('hostile'))
    t.equal(await page.locator('script, iframe, img, form, input').count(), 0)
    const sentence = await page.locator('.findings .sentence').first().textContent()
    t.match(sentence, '<script>alert("1")</script>')
    t.same([...requests, ...complaints], [])
  })

  t.test(
    'the policy holds: an image, a style and a script that get in anyway do nothing',
    async (t) => {
      const page = reportPage(reports.healthy ?? joined())
      const smuggled = page.replace(
        '</main>',
        `<img src="https://example.com/x.png" alt=""/><style>h1 { display: none }</style><script>document.title = 'gone'</script></main>`,
      )
      writeFileSync(fileOf('smuggled'), smuggled)
      const { page: shown, complaints } = await visit(t, browser, fileOf('smuggled'))
      t.equal(complaints.filter((one) => /Content Security Policy/.test(one)).length, 3)
      t.ok(await shown.locator('h1').isVisible())
      t.notMatch(await shown.title(), 'gone')
    },
  )

  t.test('texts and lines stand out, light and dark', async (t) => {
    for (const name of ['troubled', 'partial', 'hostile']) {
      const { page } = await visit(t, browser, fileOf(name))
      await unfold(page)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const { texts, pale } = await askPage<Texts>(page, 'paleTexts')
        t.ok(texts > 100, `${texts} texts of ${name}, ${colorScheme}`)
        t.same(pale, [], `${name}, ${colorScheme}`)
        t.same(await askPage(page, 'paleLines'), [], `${name}, ${colorScheme}`)
      }
    }
  })

  t.test('nothing sticks out at 1280, 700 and 390 pixels', async (t) => {
    for (const name of Object.keys(reports)) {
      const { page } = await visit(t, browser, fileOf(name))
      await unfold(page)
      for (const width of [1280, 700, 390]) {
        await page.setViewportSize({ width, height: 800 })
        t.same(await askPage(page, 'tooWide'), { scrolls: false, wide: [] }, `${name} at ${width}`)
        t.same(await askPage(page, 'cutOff'), [], `${name} at ${width}`)
      }
    }
  })

  t.test('the Tab key reaches everything in its order, and shows where it is', async (t) => {
    const { page } = await visit(t, browser, fileOf('troubled'))
    const stops = await askPage<number>(page, 'stops')
    t.ok(stops > 60, `${stops} stops`)
    const reached: { stop: number; isVisible: boolean; name: string }[] = []
    for (let count = 0; count < stops; count++) {
      await page.keyboard.press('Tab')
      reached.push(await askPage(page, 'focused'))
    }
    t.same(
      reached.map(({ stop }) => stop),
      Array.from({ length: stops }, (_, index) => index),
    )
    t.same(
      reached.filter(({ isVisible }) => !isVisible),
      [],
    )
    t.equal(reached[0]?.name, 'Skip to the verdict')
    t.ok(reached.some(({ name }) => /^gateway → vda .* leak, observed open$/.test(name)))
  })

  t.test('the skip link leads to the verdict', async (t) => {
    const { page } = await visit(t, browser, fileOf('troubled'))
    await page.keyboard.press('Tab')
    const link = page.getByRole('link', { name: 'Skip to the verdict' })
    t.ok(((await link.boundingBox())?.y ?? -1) >= 0, 'seen once it has the keyboard')
    await page.keyboard.press('Enter')
    t.equal(await page.evaluate('document.activeElement.id'), 'main')
  })

  t.test(
    'a line tells what it is to the pointer and to the keyboard, and leads to its row',
    async (t) => {
      const { page } = await visit(t, browser, fileOf('troubled'))
      const line = page.locator('a.flow.blocked').first()
      const told = line.locator('.told')
      t.notOk(await told.isVisible())
      await line.locator('.door').first().hover()
      t.ok(await told.isVisible())
      await page.mouse.move(0, 0)
      t.notOk(await told.isVisible())
      await page.keyboard.press('Tab')
      await line.focus()
      t.ok(await told.isVisible())
      t.match(await told.textContent(), /firewall ② · steps 2, 5 · blocked, observed filtered$/)
      await page.keyboard.press('Enter')
      t.match(page.url(), /#flow-gateway-proxy-1080$/)
      t.ok(await page.locator('#flow-gateway-proxy-1080').isVisible())
    },
  )

  t.test('what is folded unfolds with the keyboard', async (t) => {
    const { page } = await visit(t, browser, fileOf('troubled'))
    const cell = page.locator('#flow-internet-proxy-1080')
    t.notOk(await cell.isVisible())
    await page.locator('summary').first().focus()
    await page.keyboard.press('Enter')
    t.ok(await cell.isVisible())
  })

  t.test('it reads in order without eyes', async (t) => {
    for (const name of ['healthy', 'troubled', 'partial', 'empty']) {
      const { page } = await visit(t, browser, fileOf(name))
      const found = await askPage<Structure>(page, 'structure')
      t.equal(found.language, 'en')
      t.same(found.landmarks, [1, 1, 1, 1], 'one header, navigation, main part and footer')
      t.equal(found.headings.filter((level) => level === 1).length, 1)
      t.notOk(
        found.headings.some((level, at) => level - (found.headings[at - 1] ?? 0) > 1),
        'no level of headings is left out',
      )
      t.same([...found.nameless, ...found.linesWithoutName, ...found.looseHeads], [], name)
    }
  })

  t.test('on paper it is complete, and light even where the screen is dark', async (t) => {
    const { page } = await visit(t, browser, fileOf('troubled'), { colorScheme: 'dark' })
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
    t.ok(
      await page.locator('#flow-internet-proxy-1080').isVisible(),
      'what is folded on the screen',
    )
    t.notOk(await page.getByRole('navigation').isVisible())
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor')
    t.equal(background, 'rgb(255, 255, 255)')
    const { pale } = await askPage<Texts>(page, 'paleTexts')
    t.same(pale, [])
    const pdf = await page.pdf({ preferCSSPageSize: true })
    t.equal(pdf.subarray(0, 5).toString(), '%PDF-')
    const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
    t.ok(pages > 3 && pages < 20, `${pages} pages`)
  })
})

interface Texts {
  readonly texts: number
  readonly pale: readonly string[]
}

interface Structure {
  readonly language: string
  readonly landmarks: readonly number[]
  readonly headings: readonly number[]
  readonly nameless: readonly string[]
  readonly linesWithoutName: readonly string[]
  readonly looseHeads: readonly string[]
}

async function unfold(page: Page): Promise<void> {
  await page.evaluate('for (const one of document.querySelectorAll("details")) one.open = true')
}
