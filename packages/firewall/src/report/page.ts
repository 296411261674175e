import { createHash } from 'node:crypto'
import type { DeepResult } from '../check/deep-result.ts'
import { anchorsOf } from './anchors.ts'
import type { Joined } from './join.ts'
import { html, Markup } from './markup.ts'
import { deepSection } from './sections/deep.ts'
import { findingsSection } from './sections/findings.ts'
import { firewallsSection } from './sections/firewalls.ts'
import { flowsSection } from './sections/flows.ts'
import { matrixSection } from './sections/matrix.ts'
import { pathsSection } from './sections/paths.ts'
import { pictureSection } from './sections/picture.ts'
import { runsSection } from './sections/runs.ts'
import { sourcesSection } from './sections/sources.ts'
import { stepsSection } from './sections/steps.ts'
import { verdictSection } from './sections/verdict.ts'
import { STYLE } from './style.ts'
import { lookOfVerdict } from './words.ts'

/**
 * The report as one HTML page that needs nothing else: no script, no image, no font, and a policy that forbids the
 * browser to ask anybody for one. It is well-formed XML too. What peers wrote is escaped.
 *
 * @param deep what deep checks of these flows found
 */
export function reportPage(joined: Joined, deep: readonly DeepResult[] = []): string {
  const { rows, findings, paths, verdict } = joined
  const anchors = anchorsOf(rows)
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${policy(STYLE)}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<meta name="referrer" content="no-referrer"/>
<title>${lookOfVerdict(verdict).word}: doublehop firewall report</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<a class="skip-link" href="#main">Skip to the verdict</a>
<header><p class="brand">doublehop</p><p>Firewall report</p>
<nav aria-label="Sections"><ul>${[
    ['findings', 'What to change'],
    ['picture', 'Picture'],
    ['steps', 'Steps'],
    ['firewalls', 'Firewalls'],
    ['matrix', 'Matrix'],
    ['flows', 'Flows'],
  ].map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav></header>
<main id="main" tabindex="-1">
${verdictSection(joined)}
${findingsSection(findings, anchors)}
${pictureSection(joined, anchors)}
${stepsSection(rows, anchors)}
${firewallsSection(rows, anchors)}
${matrixSection(rows, anchors)}
${flowsSection(rows, anchors)}
${pathsSection(paths, anchors)}
${deepSection(deep, anchors)}
${sourcesSection(joined)}
${runsSection(joined)}
</main>
<footer><p>Made by <code>doublehop report</code>. It tells addresses and open ports: keep it as you keep your rules.</p></footer>
</body>
</html>
`
  return page.text
}

/** Nothing may be loaded or sent; of styles only this one counts, so none can be slipped in. */
function policy(style: string): string {
  const hash = createHash('sha256').update(style).digest('base64')
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
}
