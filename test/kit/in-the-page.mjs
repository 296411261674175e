// What tests ask of a page, in the browser: read as text and evaluated there, so it needs no policy of the page.

/** Whether somebody would see it. */
const isShown = (element) =>
  element.checkVisibility({
    checkVisibilityCSS: true,
    checkOpacity: true,
    contentVisibilityAuto: true,
  })

const nameOf = (element) =>
  `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ''}.${element.getAttribute('class') ?? ''} ${(element.textContent ?? '').trim().slice(0, 40)}`

/** Everything that the Tab key should reach, in its order. */
const stops = () =>
  [...document.querySelectorAll('a[href], summary, [tabindex="0"]')].filter(isShown)

const parsed = (color) => {
  const [red = 0, green = 0, blue = 0, alpha = 1] = (color.match(/[\d.]+/g) ?? []).map(Number)
  return { red, green, blue, alpha }
}

const over = (top, bottom) => {
  const mixed = (channel) => top[channel] * top.alpha + bottom[channel] * (1 - top.alpha)
  return { red: mixed('red'), green: mixed('green'), blue: mixed('blue'), alpha: 1 }
}

const WHITE = { red: 255, green: 255, blue: 255, alpha: 1 }

/** The colour behind an element: that of its ancestors, one over the other. */
const behind = (element) => {
  if (element === null) return WHITE
  const own = parsed(getComputedStyle(element).backgroundColor)
  return own.alpha === 1 ? own : over(own, behind(element.parentElement))
}

/** Relative luminance and contrast ratio (WCAG 2.2). */
const luminance = ({ red, green, blue }) => {
  const linear = (channel) => {
    const value = channel / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

const contrast = (one, other) => {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a)
  return (light + 0.05) / (dark + 0.05)
}

/** In a drawing: the last shape drawn before it that lies under its middle, or what is behind the drawing. */
const behindInDrawing = (element) => {
  const drawing = element.closest('svg')
  const box = element.getBoundingClientRect()
  const [x, y] = [box.left + box.width / 2, box.top + box.height / 2]
  const shapes = [...drawing.querySelectorAll('rect, circle, path')].filter(
    (shape) =>
      shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING &&
      shape.closest('defs') === null &&
      parsed(getComputedStyle(shape).fill).alpha === 1 &&
      getComputedStyle(shape).fill !== 'none',
  )
  const under = shapes.filter((shape) => {
    const own = shape.getBoundingClientRect()
    return own.left <= x && x <= own.right && own.top <= y && y <= own.bottom
  })
  const last = under.at(-1)
  return last === undefined ? behind(drawing) : parsed(getComputedStyle(last).fill)
}

/** Texts that stand out less than they must: 4.5, or 3 where they are large (WCAG 2.2, 1.4.3). */
const paleTexts = () => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const pale = []
  let texts = 0
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (walker.currentNode.data.trim() === '' || !isShown(element)) continue
    if (element.closest('style, title, .unseen') !== null) continue
    texts++
    const style = getComputedStyle(element)
    const isDrawn = element instanceof SVGElement
    const ink = parsed(isDrawn ? style.fill : style.color)
    const paper = isDrawn ? behindInDrawing(element) : behind(element)
    const size = Number.parseFloat(style.fontSize)
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    const ratio = contrast(over(ink, paper), paper)
    if (ratio < (isLarge ? 3 : 4.5)) pale.push(`${ratio.toFixed(2)} ${nameOf(element)}`)
  }
  return { texts, pale: [...new Set(pale)] }
}

/** Lines and doors of the drawing that stand out less than 3 from what is behind it (WCAG 2.2, 1.4.11). */
const paleLines = () => {
  const lines = [...document.querySelectorAll('.picture .line, .key .line')]
  const papers = [...document.querySelectorAll('.zone rect, figure')].map((one) =>
    one instanceof SVGElement ? parsed(getComputedStyle(one).fill) : behind(one),
  )
  return lines.flatMap((line) => {
    const ratio = Math.min(
      ...papers.map((paper) => contrast(parsed(getComputedStyle(line).stroke), paper)),
    )
    return ratio < 3 ? [`${ratio.toFixed(2)} ${line.closest('[class]').getAttribute('class')}`] : []
  })
}

/** What sticks out of the window to the right, though nothing that scrolls holds it. */
const tooWide = () => {
  const width = document.documentElement.clientWidth
  const wide = [...document.body.querySelectorAll('*')].filter(
    (element) =>
      isShown(element) &&
      element.getBoundingClientRect().right > width + 0.5 &&
      element.parentElement.closest('.scroll, pre') === null,
  )
  return {
    scrolls: document.documentElement.scrollWidth > width,
    wide: wide.map(nameOf),
  }
}

/** Boxes whose text is wider than they are, though they do not scroll. */
const cutOff = () =>
  [...document.body.querySelectorAll('*')]
    .filter((element) => isShown(element) && !(element instanceof SVGElement))
    .filter((element) => element.closest('.scroll, pre, .unseen, .skip-link') === null)
    .filter((element) => element.clientWidth > 0 && element.scrollWidth > element.clientWidth + 1)
    .map(nameOf)

/** How the element that has the keyboard shows it. */
const focused = () => {
  const element = document.activeElement
  const style = getComputedStyle(element)
  const reach = element.querySelector('.reach')
  const isOutlined = style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2
  const isMarked =
    reach !== null &&
    getComputedStyle(reach).stroke !== 'none' &&
    !getComputedStyle(reach).stroke.includes('(0, 0, 0, 0)')
  return {
    stop: stops().indexOf(element),
    isVisible: isOutlined || isMarked,
    name: element.getAttribute('aria-label') ?? (element.textContent ?? '').trim(),
  }
}

/** What somebody who does not see the page goes by. */
const structure = () => {
  const headings = [...document.querySelectorAll('h1, h2, h3, h4')].map((heading) =>
    Number(heading.tagName[1]),
  )
  const all = (selector) => [...document.querySelectorAll(selector)]
  const labelled = (element) => {
    const id = element.getAttribute('aria-labelledby')
    const named =
      id === null ? element.getAttribute('aria-label') : document.getElementById(id)?.textContent
    return (named ?? '').trim() !== ''
  }
  return {
    language: document.documentElement.lang,
    landmarks: ['header', 'nav', 'main', 'footer'].map((one) => all(one).length),
    headings,
    nameless: all('section, nav, svg[role], [role=region]')
      .filter((one) => !labelled(one))
      .map(nameOf),
    linesWithoutName: all('a')
      .filter((one) => !labelled(one) && one.textContent.trim() === '')
      .map(nameOf),
    looseHeads: all('th')
      .filter((one) => !one.hasAttribute('scope'))
      .map(nameOf),
  }
}

/** Whether a strict XML parser reads it. */
const complaintOfXml = (text) =>
  new DOMParser().parseFromString(text, 'application/xml').querySelector('parsererror')
    ?.textContent ?? null

globalThis.looks = {
  complaintOfXml,
  cutOff,
  focused,
  paleLines,
  paleTexts,
  stops: () => stops().length,
  structure,
  tooWide,
}
