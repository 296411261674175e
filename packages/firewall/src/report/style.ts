/** How the report looks: light, dark, narrow and printed. No character in it would need to be escaped in XML. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --line: #dfe3e8; --ink: #18202b; --quiet: #566072; --link: #1a56b0; --focus: #1a56b0;
  --zone: #f3f5f8; --zone-line: #d5dbe3; --wall: #5b6880; --code: #f0f2f5;
  --pass: #17703f; --pass-soft: #e5f4eb; --blocked: #b3261e; --blocked-soft: #fdeceb;
  --leak: #9b0f70; --leak-soft: #fbe7f4; --unknown: #5f5a12; --unknown-soft: #f7f3d4; --skip: #5b6472; --skip-soft: #eceff3;
  --note: #1a56b0; --note-soft: #e7effb;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0e1218; --card: #161b23; --line: #2b323d; --ink: #e7eaef; --quiet: #a3adbc; --link: #8ab4f8; --focus: #8ab4f8;
    --zone: #1a2029; --zone-line: #323b48; --wall: #7f8da6; --code: #202732;
    --pass: #5fd08e; --pass-soft: #12301f; --blocked: #ff8a80; --blocked-soft: #3b1816;
    --leak: #ff86d1; --leak-soft: #3d1430; --unknown: #e5d36a; --unknown-soft: #302b0d; --skip: #a3adbc; --skip-soft: #252c37;
    --note: #8ab4f8; --note-soft: #172a48;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 16px; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; -webkit-text-size-adjust: 100%; }
header, main, footer { max-width: 1184px; margin: 0 auto; padding: 0 24px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 14px; padding-top: 18px; padding-bottom: 14px; }
header p { margin: 0; color: var(--quiet); }
header .brand { color: var(--ink); font-weight: 700; letter-spacing: -0.01em; }
nav { margin-left: auto; }
nav ul, .legend, .findings, .firewalls { list-style: none; margin: 0; padding: 0; }
nav ul { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 14px; }
main:focus { outline: none; }
section { margin: 0 0 28px; }
h1 { font-size: 25px; line-height: 1.25; letter-spacing: -0.015em; margin: 0; font-weight: 650; text-wrap: balance; }
h2 { font-size: 17px; margin: 0 0 10px; font-weight: 650; }
h3 { font-size: 15px; margin: 14px 0 8px; font-weight: 650; }
p { margin: 0; }
a { color: var(--link); text-underline-offset: 2px; }
a:focus-visible, summary:focus-visible, .scroll:focus-visible, pre:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace; font-size: 0.9em; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip-link { position: absolute; left: 16px; top: -60px; background: var(--card); color: var(--link); padding: 8px 14px; border-radius: 6px; z-index: 2; }
.skip-link:focus { top: 10px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 0; }
p.card { padding: 14px 18px; }
.scroll { overflow-x: auto; position: relative; }
strong.leak { color: var(--leak); } strong.blocked { color: var(--blocked); } strong.unknown { color: var(--unknown); }

.pass { --own: var(--pass); --soft: var(--pass-soft); }
.shut { --own: var(--quiet); --soft: transparent; }
.blocked { --own: var(--blocked); --soft: var(--blocked-soft); }
.leak { --own: var(--leak); --soft: var(--leak-soft); }
.unknown { --own: var(--unknown); --soft: var(--unknown-soft); }
.skip { --own: var(--skip); --soft: var(--skip-soft); }
.note { --own: var(--note); --soft: var(--note-soft); }

.chip { display: inline-block; padding: 1px 8px; border-radius: 20px; background: var(--soft); color: var(--own); font-size: 13px; font-weight: 600; white-space: nowrap; }
.chip.shut { padding: 1px 0; font-weight: 400; }
.chip .sign { font-weight: 700; }
.chip.leak, .chip.blocked { text-transform: uppercase; font-size: 12px; letter-spacing: 0.02em; padding: 2px 9px; }

.verdict { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 4px 18px; align-items: center; background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--own); border-radius: 10px; padding: 18px 22px 0; overflow: hidden; }
.verdict p { margin-top: 3px; color: var(--quiet); }
.verdict strong.away { color: var(--unknown); }
.seal { display: grid; place-items: center; width: 46px; height: 46px; border-radius: 50%; background: var(--own); color: var(--card); font-size: 25px; font-weight: 700; line-height: 1; }
.verdict dl { grid-column: 1 / -1; display: flex; flex-wrap: wrap; margin: 14px -22px 0; border-top: 1px solid var(--line); }
.verdict dl div { flex: 1 1 auto; padding: 9px 22px 11px; border-right: 1px solid var(--line); margin-right: -1px; }
.verdict dt { font-size: 13px; color: var(--quiet); }
.verdict dd { margin: 0; font-size: 21px; font-weight: 650; line-height: 1.25; color: var(--own); font-variant-numeric: tabular-nums; }
.verdict dd small { font-size: 14px; font-weight: 400; color: var(--quiet); }
.verdict .none { --own: var(--quiet); }
.verdict .shut { --own: var(--ink); }

.findings { display: grid; grid-template-columns: minmax(0, 1fr); gap: 10px; }
.findings li { border-left: 5px solid var(--own); padding: 12px 18px 12px; }
.findings .code { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px; font-size: 14px; }
.findings .at { color: var(--quiet); }
.findings .sentence { font-size: 16px; margin: 6px 0 0; overflow-wrap: anywhere; }
.findings pre { margin: 8px 0 2px; padding: 7px 12px; background: var(--code); border-radius: 6px; overflow-x: auto; user-select: all; -webkit-user-select: all; }
.findings pre code { white-space: pre; overflow-wrap: normal; }
.findings .flows { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-left: auto; }

figure { padding: 12px 12px 14px; }
.picture { display: block; width: 100%; min-width: 880px; height: auto; font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
.picture text { fill: var(--ink); }
.zone rect { fill: var(--zone); stroke: var(--zone-line); }
.zone text { font-weight: 650; font-size: 13.5px; paint-order: stroke; stroke: var(--zone); stroke-width: 4px; stroke-linejoin: round; }
.zone .away { fill: var(--unknown); font-weight: 600; font-size: 11.5px; }
.zone.missing rect { stroke-dasharray: 5 4; }
.wall rect, .wall circle { fill: var(--wall); }
.picture .wall text { fill: var(--card); font-weight: 700; font-size: 16px; text-anchor: middle; }
.host rect { fill: var(--card); stroke: var(--zone-line); }
.host line { stroke: var(--line); }
.host .name { font-weight: 650; font-size: 13.5px; }
.picture .host .address { fill: var(--quiet); font: 11.5px ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.host .port { font: 12px ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
.picture .host .sign { fill: var(--own); font-weight: 700; text-anchor: end; font-size: 13px; }
marker path { fill: var(--own); }
.line { fill: none; stroke: var(--own); stroke-width: 1.7; }
.reach { fill: none; stroke: transparent; stroke-width: 13; }
.blocked > .line { stroke-width: 2.2; stroke-dasharray: 7 5; }
.leak > .line { stroke-width: 4; }
.unknown > .line { stroke-width: 2; stroke-dasharray: 2 4; }
.skip > .line { stroke-dasharray: 1.5 4; }
circle.door { fill: var(--card); stroke: var(--own); stroke-width: 1.7; }
g.door > circle, g.door > path { fill: var(--own); stroke: var(--card); stroke-width: 1.5; }
g.door > .cross { stroke: var(--card); stroke-width: 2.2; stroke-linecap: round; }
.picture g.door > text { fill: var(--card); text-anchor: middle; font-weight: 700; font-size: 13px; }
.picture .told { visibility: hidden; text-anchor: middle; font-size: 13.5px; font-weight: 600; fill: var(--own); }
.flow { cursor: pointer; outline: none; }
.flow:hover .told, .flow:focus-visible .told { visibility: visible; }
.flow:hover .line, .flow:focus-visible .line { stroke-width: 4.5; }
.flow:focus-visible .reach { stroke: var(--focus); stroke-opacity: 0.3; }
.picture:has(.flow:hover) .flow:not(:hover), .picture:has(.flow:focus-visible) .flow:not(:focus-visible):not(:hover) { opacity: 0.22; }
figcaption { padding: 6px 6px 0; font-size: 14px; color: var(--quiet); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 20px; margin-bottom: 4px; color: var(--ink); }
.legend li { display: flex; align-items: center; gap: 8px; }
.key { width: 34px; height: 10px; flex: none; }

table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; vertical-align: top; padding: 7px 12px; border-bottom: 1px solid var(--line); font-weight: 400; }
tbody:last-child tr:last-child > * { border-bottom: 0; }
thead th { font-size: 13px; font-weight: 600; color: var(--quiet); white-space: nowrap; }
tbody th { font-weight: 600; }
.rows code { font-size: 13px; }
.rows th code { font-weight: 600; white-space: nowrap; }
.rows td > code { white-space: nowrap; }
.rows .way { display: block; font-weight: 400; color: var(--quiet); white-space: nowrap; }
.rows .kind { white-space: nowrap; }
.rows .way code { font-weight: 400; }
.rows .why { min-width: 14em; }
.rows td:last-child { min-width: 9.5em; }
.rows .layers { min-width: 9em; }
.rows tr:target > * { background: var(--note-soft); }
.rows .note { display: block; margin-top: 2px; font-size: 13px; color: var(--quiet); overflow-wrap: anywhere; }
.rows .away td { color: var(--unknown); }
.layer { white-space: nowrap; margin-right: 6px; }
.layer.pass { --own: var(--ink); } .layer.fail { font-weight: 600; } .layer.skip { color: var(--quiet); }
abbr { text-decoration: none; }
details > summary { padding: 11px 16px; cursor: pointer; font-weight: 600; }
details[open] > summary { border-bottom: 1px solid var(--line); }
section > .scroll + details, details + details { margin-top: 10px; }

.steps th { white-space: nowrap; font-weight: 600; }
.steps td, .steps tbody th { vertical-align: middle; }
.steps td:nth-child(2) { min-width: 24em; }
.number { display: inline-grid; place-items: center; width: 24px; height: 24px; margin-right: 8px; border-radius: 50%; background: var(--soft); color: var(--own); font-size: 13px; font-weight: 700; }
.number.blocked { background: var(--own); color: var(--card); }
.steps .chip { text-transform: none; font-size: 13px; letter-spacing: 0; padding: 1px 8px; }
.pill { display: inline-block; margin: 1px 10px 1px 0; font-size: 13px; color: var(--ink); text-decoration-color: var(--line); white-space: nowrap; }
.pill .sign { color: var(--own); font-weight: 700; }
.pill.blocked { color: var(--blocked); font-weight: 600; }

.firewalls { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 12px; }
.firewalls li { border-top: 4px solid var(--own); padding: 10px 18px 14px; font-size: 14px; }
.firewalls h3 { margin: 0 0 2px; }
.firewalls p + p { margin-top: 6px; }

.matrix th, .matrix td { padding: 4px 10px; vertical-align: middle; white-space: nowrap; }
.matrix thead th { border-left: 1px solid var(--line); text-align: left; }
.matrix thead th:first-child { border-left: 0; }
.matrix thead tr:first-child th { border-bottom: 0; padding-top: 9px; color: var(--ink); }
.matrix thead tr:first-child th:first-child { border-bottom: 1px solid var(--line); vertical-align: bottom; color: var(--quiet); }
.matrix tbody th[scope=rowgroup] { background: var(--zone); padding: 6px 12px; }
.matrix tbody th[scope=rowgroup] .quiet { font-weight: 400; }
.matrix tbody th[scope=row] { font-weight: 400; padding-left: 12px; }
.matrix td { border-left: 1px solid var(--line); }
.matrix td a { text-decoration: none; }
.matrix td a:hover .chip { text-decoration: underline; }
.matrix .inside { color: var(--quiet); text-align: center; }
footer { padding-bottom: 32px; font-size: 14px; color: var(--quiet); }

@media (max-width: 800px) {
  header, main, footer { padding-left: 14px; padding-right: 14px; }
  nav { margin-left: 0; width: 100%; }
  h1 { font-size: 21px; }
  .verdict { padding: 16px 16px 0; gap: 4px 14px; }
  .verdict dl { margin: 12px -16px 0; display: grid; grid-template-columns: repeat(2, 1fr); }
  .verdict dl div { padding: 8px 16px; border-bottom: 1px solid var(--line); margin-bottom: -1px; }
  .seal { width: 38px; height: 38px; font-size: 21px; align-self: start; }
  .firewalls { grid-template-columns: minmax(0, 1fr); }
}
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  :root { color-scheme: light; }
  body { background: #ffffff; font-size: 12px; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav, .skip-link { display: none; }
  .scroll { overflow: visible; }
  .picture { min-width: 0; max-height: 150mm; }
  table { font-size: 10.5px; }
  th, td { padding: 3px 6px; }
  .steps .chip, .chip, .chip.leak, .chip.blocked, .rows code, .rows .note, .pill, thead th { font-size: 10px; }
  .findings pre code { white-space: pre-wrap; }
  tr, .findings li, .firewalls li, figure, .verdict { break-inside: avoid; }
  h2 { break-after: avoid; }
  thead { display: table-header-group; }
  details::details-content { content-visibility: visible; block-size: auto; display: block; }
  a { color: inherit; text-decoration: none; }
}
`
