/** Styles of the portal and the reference, in addition to the stylesheet of all pages. */

/** Styles of navigation, lists, and fields with hints and problems. */
export const PORTAL_STYLE = `body { max-width: 40rem; }
.pages { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; font-size: 0.9375rem; }
.choice label { cursor: pointer; }
h1 + .about { margin-block-start: -0.75rem; font-size: 1.125rem; font-weight: 600; }
section { display: flex; flex-direction: column; gap: 0.75rem; min-width: 0; }
.listed { margin: 0; padding: 0; list-style: none; }
.listed > li { padding-block: 0.75rem; border-block-start: 1px solid var(--line); margin: 0; }
.listed > li > a { font-weight: 600; }
search > form { display: flex; flex-direction: column; gap: 0.5rem; }
.entry { display: flex; gap: 0.75rem; align-items: flex-start; }
.entry > div { min-width: 0; }
.entry > .logo { padding: 0.25rem; background: #fff; border: 1px solid var(--line); border-radius: 0.5rem; }
.applications > li { display: flex; flex-direction: column; gap: 0.5rem; padding-block: 1rem; }
.permissions code, .choice code { display: block; margin-block-start: 0.125rem; color: var(--muted); }
.history code { display: block; margin-block-start: 0.125rem; color: var(--muted); }
.caution > h2 { margin: 0; }
.caution dt { color: inherit; }
.caution dt:first-child { margin-block-start: 0; }
.requested, .declined, .withdrawn { color: var(--caution); background: var(--caution-ground); }
.field > label { display: block; margin-block-end: 0.25rem; font-weight: 600; }
.field > label > span { font-weight: 400; }
.hint { display: block; margin-block-end: 0.375rem; font-size: 0.875rem; font-weight: 400; color: var(--muted); }
.field-problem { margin-block-end: 0.375rem; color: var(--problem); font-weight: 600; }
.field > textarea {
  display: block; width: 100%; padding: 0.5rem 0.75rem; resize: vertical;
  font: inherit; color: inherit; background: var(--surface);
  border: 1px solid var(--edge); border-radius: 0.5rem;
}
.field > textarea[dir="ltr"] { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 0.875rem; }
.field > textarea:focus-visible { outline-offset: 0; border-color: var(--accent); }
.field > textarea[aria-invalid] { border-color: var(--problem); }
fieldset[aria-invalid] { padding-inline-start: 0.75rem; border-inline-start: 3px solid var(--problem); }
.problem ul { margin-block-end: 0; }
.problem a { color: inherit; }
dd + dd { margin-block-start: 0.25rem; }
[data-copy] > code + button { margin-inline-start: 0.75rem; }
details > .field { margin-block-start: 0.75rem; }
details > summary { min-height: 1.5rem; padding-block: 0.25rem; color: var(--accent); }
pre {
  margin: 0.5rem 0; padding: 0.75rem 1rem; white-space: pre-wrap; overflow-wrap: anywhere;
  background: var(--sunken); border: 1px solid var(--line); border-radius: 0.5rem;
}
pre code { font-size: 0.8125rem; }
section > form, search > form { display: flex; flex-direction: column; gap: 0.75rem; }
.checks { margin: 0; padding: 0; list-style: none; counter-reset: check; }
.checks > li { margin: 0; padding: 0.5rem 0 0.5rem 2rem; position: relative; counter-increment: check; border-block-start: 1px solid var(--line); }
.checks > li::before { content: counter(check) "."; position: absolute; inset-inline-start: 0; color: var(--muted); }
.checks > .not_reached { color: var(--muted); }
.checks .mark { margin-inline-end: 0.25rem; }
.mark.failed { color: var(--problem); background: var(--problem-ground); }
.mark.not_reached { color: var(--muted); }
.why { display: flex; flex-direction: column; gap: 0.5rem; margin-block-start: 0.5rem; padding: 0.75rem 1rem; background: var(--sunken); border: 1px solid var(--line); border-radius: 0.5rem; }
.why dl, .notice dl { margin: 0; }
.notice p + p, .notice p + dl { margin-block-start: 0.5rem; }
.why dt:first-child, .notice dt:first-child { margin-block-start: 0; }
mark { color: var(--problem); background: var(--problem-ground); font-weight: 600; text-decoration: underline; }
`

/** Styles of a wider column, of tables and of code. */
export const REFERENCE_STYLE = `body { max-width: 56rem; }
h2 { font-size: 1.25rem; text-transform: capitalize; }
h3 { margin: 0; font-size: 1.0625rem; font-weight: 600; }
section { display: flex; flex-direction: column; gap: 0.75rem; min-width: 0; }
.operation { padding-block-start: 1.25rem; border-block-start: 1px solid var(--line); }
.request { font-size: 0.9375rem; font-weight: 600; }
.contents { columns: 16rem; }
.contents > li { break-inside: avoid; margin-block-end: 0.75rem; }
pre {
  margin: 0; padding: 0.75rem 1rem; overflow-x: auto; overflow-wrap: normal;
  background: var(--sunken); border: 1px solid var(--line); border-radius: 0.5rem;
  font: 0.8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
}
table { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: 0.875rem; }
caption { padding-block: 0.25rem; text-align: start; font-weight: 600; }
th, td { padding: 0.5rem 0.75rem 0.5rem 0; text-align: start; vertical-align: top; border-block-start: 1px solid var(--line); }
tbody th { font-weight: 400; }
th:first-child { width: 32%; }
th:nth-child(2) { width: 22%; }
.contents > li > a { text-transform: capitalize; }
summary { cursor: pointer; color: var(--accent); }
details > * + * { margin-block-start: 0.5rem; }
:target { scroll-margin-block-start: 1rem; text-decoration: underline; text-decoration-color: var(--accent); }
@media (max-width: 40rem) {
  table, caption, tbody, tr, th, td, th:first-child { display: block; width: auto; }
  thead { display: none; }
  td { padding-block-start: 0; border: 0; }
}
`
