/** What the reference adds to the stylesheet of all pages: a wider column, tables and code. */

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
