import type { Anchors } from '../anchors.ts'
import type { Joined } from '../join.ts'
import { html, type Markup } from '../markup.ts'
import { pictureOf } from '../picture/picture.ts'
import { plural } from '../words.ts'

/** The picture, with what its signs mean and what it leaves out. */
export function pictureSection(joined: Joined, anchors: Anchors): Markup {
  const shut = joined.rows.filter(
    ({ flow, verdict }) => flow.expect === 'deny' && verdict === 'PASS',
  ).length
  return html`<section aria-labelledby="picture"><h2 id="picture">The zones and their flows</h2>
<figure class="card"><div class="scroll" role="region" aria-label="Picture of the zones" tabindex="0">${pictureOf(joined, anchors)}</div>
<figcaption><ul class="legend" aria-label="Legend">
${key('pass', 'passes, as it must')}${key('blocked', 'needed, and blocked')}${key('leak', 'forbidden, and gets through')}${key('unknown', 'no verdict')}${key('skip', 'not run')}
</ul><p>Connections are opened in the direction of the arrows. ${shut === 0 ? '' : `${plural(shut, 'forbidden flow')} that ${shut === 1 ? 'is' : 'are'} shut, as ${shut === 1 ? 'it' : 'they'} must be, ${shut === 1 ? 'is' : 'are'} not drawn. `}Firewall ③ joins the LAN too: what leads from there to DMZ 2 or further in passes it alone.</p></figcaption></figure></section>`
}

function key(style: string, words: string): Markup {
  return html`<li><svg class="key ${style}" viewBox="0 0 34 10" aria-hidden="true"><path class="line" d="M1 5H33"/></svg> ${words}</li>`
}
