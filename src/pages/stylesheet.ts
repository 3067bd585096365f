/** The stylesheet, served as `/style.css`. */

import { type Branding, GROUNDS, type Scheme, strongerShade } from '../domain/branding.ts'

const LIGHT = `--line: #d9e0e3; --edge: #75828a; --text: #172126; --muted: #55626a;
  --problem: #9c1c1c; --problem-ground: #fdf1f0; --caution: #7a4a00; --caution-ground: #fdf5e3;
  --shadow: 0 1px 2px rgb(16 32 40 / 6%), 0 8px 28px rgb(16 32 40 / 8%);`
const DARK = `--line: #344147; --edge: #86949c; --text: #e7edf0; --muted: #a5b2b9;
  --problem: #ffb0a8; --problem-ground: #38211f; --caution: #f0c674; --caution-ground: #322a17;
  --shadow: none;`

const colours = (accent: string, scheme: Scheme) => {
  const { ground, surface, sunken, onAccent } = GROUNDS[scheme]
  return `:root {
  --ground: ${ground}; --surface: ${surface}; --sunken: ${sunken};
  --accent: ${accent}; --accent-strong: ${strongerShade(accent, scheme)}; --on-accent: ${onAccent};
  ${scheme === 'light' ? LIGHT : DARK}
}`
}

const BASE = `
*, *::before, *::after { box-sizing: border-box; }
html { color-scheme: light dark; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto;
  min-height: 100vh;
  max-width: 32rem;
  padding: clamp(1rem, 6vh, 4.5rem) 1rem 2.5rem;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere;
}
html { background: var(--ground); }
h1, h2, p, ul, dl, dd, fieldset { margin: 0; padding: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; text-wrap: balance; }
h2, legend { font-size: 1rem; font-weight: 600; text-wrap: balance; }
h2 + p { margin-block-start: 0.25rem; }
code { font: 0.8125rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace; }
h1 code { font-size: 1em; }
strong { font-weight: 600; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:has(> code) { text-underline-offset: 0.35em; }
a:hover { color: var(--accent-strong); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.muted { color: var(--muted); }
.small { font-size: 0.875rem; }
.lead { color: var(--muted); }
.lead strong { color: var(--text); }`

const CARD = `
.brand {
  display: inline-flex; align-items: center; gap: 0.5rem; max-width: 100%; min-height: 2rem;
  margin-block-end: 0.75rem; padding-inline: 0.25rem; border-radius: 0.25rem;
  font-weight: 650; color: var(--accent); text-decoration: none;
}
.logo { flex: none; max-width: 10rem; object-fit: contain; }
.links { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 1.25rem 0.25rem 0; font-size: 0.875rem; }
.card, .card > form { display: flex; flex-direction: column; gap: 1.25rem; }
.card {
  padding: clamp(1.25rem, 6vw, 2.25rem);
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: 1rem;
  box-shadow: var(--shadow);
}
h1 + .lead { margin-block-start: -0.75rem; }
.problem {
  padding: 0.75rem 1rem;
  background: var(--problem-ground);
  color: var(--problem);
  border: 1px solid currentColor;
  border-inline-start-width: 0.25rem;
  border-radius: 0.5rem;
}
.developers { padding-block-start: 1.25rem; border-block-start: 1px solid var(--line); }
dt { margin-block-start: 0.75rem; font-size: 0.875rem; color: var(--muted); }`

const FORMS = `
.field { display: block; }
.field > span { display: block; margin-block-end: 0.375rem; font-weight: 600; }
.field > input {
  display: block; width: 100%; min-height: 3rem; padding: 0.5rem 0.75rem;
  font: inherit; color: inherit; background: var(--surface);
  border: 1px solid var(--edge); border-radius: 0.5rem;
}
.field > input:focus-visible { outline-offset: 0; border-color: var(--accent); }
.field > input[aria-invalid] { border-color: var(--problem); }
.actions { display: flex; gap: 0.75rem; margin-block-start: 0.25rem; }
.actions > button, .button {
  flex: 1 1 0; min-width: 0; min-height: 3rem; padding: 0.5rem 1rem;
  font: inherit; font-weight: 600; text-align: center; cursor: pointer;
  color: var(--accent); background: var(--surface);
  border: 2px solid var(--accent); border-radius: 0.5rem;
}
.button { display: flex; align-items: center; justify-content: center; text-decoration: none; }
.actions > button:hover { background: var(--sunken); border-color: var(--accent-strong); }
.actions > .primary, .actions > .primary:hover {
  color: var(--on-accent); background: var(--accent); border-color: var(--accent);
}
.actions > .primary:hover { background: var(--accent-strong); border-color: var(--accent-strong); }
.plain {
  min-height: 1.5rem; margin-inline: -0.25rem; padding: 0.25rem; border: 0; border-radius: 0.25rem; cursor: pointer;
  font: inherit; color: var(--accent); background: none;
  text-decoration: underline; text-underline-offset: 0.15em;
}
.plain:hover { color: var(--accent-strong); }`

const CONSENT = `
.account, .not-you { display: flex; flex-wrap: wrap; align-items: center; column-gap: 0.5rem; }
.account { justify-content: space-between; column-gap: 1rem; font-size: 0.875rem; color: var(--muted); }
.account > p { min-width: 0; }
.account strong { color: var(--text); }
h1 + .account { margin-block-start: -0.75rem; }
.client {
  display: flex; flex-direction: column; gap: 0.375rem;
  padding: 1rem 1.25rem;
  background: var(--sunken); border: 1px solid var(--line); border-radius: 0.75rem;
}
.client-logo { flex: none; padding: 0.25rem; object-fit: contain; background: #fff; border: 1px solid var(--line); border-radius: 0.5rem; }
fieldset { min-width: 0; border: 0; }
legend { padding: 0; }
legend + p { margin-block-end: 0.75rem; }
.choice {
  display: flex; gap: 0.875rem; align-items: flex-start;
  padding: 0.75rem 0; cursor: pointer;
  border-block-start: 1px solid var(--line);
}
.choice:last-child { border-block-end: 1px solid var(--line); }
.choice > input { flex: none; width: 1.25rem; height: 1.25rem; margin: 0.125rem 0 0; accent-color: var(--accent); }
.choice > span { min-width: 0; }
.choice code { display: block; margin-block-start: 0.125rem; color: var(--muted); }
ul { margin-block-start: 0.5rem; padding-inline-start: 1.25rem; }
li + li { margin-block-start: 0.25rem; }
.mark {
  display: inline-block; padding: 0 0.5rem; border: 1px solid; border-radius: 1rem;
  font-size: 0.75rem; white-space: nowrap; color: var(--accent); background: var(--surface);
}
.sensitive { color: var(--caution); background: var(--caution-ground); }
.caution {
  padding: 0.75rem 1rem; color: var(--caution); background: var(--caution-ground);
  border: 1px solid currentColor; border-inline-start-width: 0.25rem; border-radius: 0.5rem;
}
figure, blockquote { margin: 0; }
blockquote { margin-block-start: 0.25rem; padding-inline-start: 0.75rem; border-inline-start: 3px solid var(--edge); }
.choices > fieldset, .choices > details { margin-block-start: 1rem; }
.choices fieldset > legend { padding-block-end: 0.25rem; font-size: 0.875rem; color: var(--muted); }
summary { cursor: pointer; border-radius: 0.25rem; }
.choices summary { padding-block: 0.5rem; font-weight: 600; }
.facts { margin-block-start: 0; }
.keep { white-space: nowrap; }
.long { display: inline-block; max-width: 100%; white-space: normal; text-decoration: inherit; }
.nothing-ticked { display: none; }
.must-tick:not(:has([name="grant"]:checked)) .nothing-ticked { display: block; }
.must-tick:not(:has([name="grant"]:checked)) .primary { display: none; }
.returns { color: var(--muted); }
.returns strong { color: var(--text); }`

const APPLICATIONS = `
.places { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; font-size: 0.9375rem; }
.places > a { min-height: 1.5rem; padding-block: 0.125rem; }
.places > [aria-current] { color: var(--text); font-weight: 600; text-decoration: none; }
.notice {
  padding: 0.75rem 1rem; background: var(--sunken);
  border: 1px solid var(--accent); border-inline-start-width: 0.25rem; border-radius: 0.5rem;
}
.held { margin-block-start: 0; }
.held code { display: block; color: var(--muted); }
time { white-space: nowrap; }
.application { padding-block: 0.25rem; border-block-start: 1px solid var(--line); }
.application > details { display: flex; flex-direction: column; }
.application > details > :not(summary) { margin-block-start: 0.75rem; }
.application > details > summary { min-height: 2.75rem; padding-block: 0.625rem; }
.application .client-logo { margin-inline-end: 0.5rem; vertical-align: middle; }
.application h2 { display: inline; font-size: 1rem; font-weight: 650; }
.removal > summary { color: var(--accent); min-height: 1.5rem; }
.removal > form > * { margin-block-start: 0.75rem; }
.removal button { flex: 0 1 auto; min-height: 2.75rem; padding-inline: 1.25rem; }
.reference { font-size: 1.0625rem; letter-spacing: 0.05em; user-select: all; }`

const PREFERENCES = `
@media (prefers-reduced-motion: no-preference) {
  button, .button, input { transition: background-color 120ms, border-color 120ms; }
}
@media (prefers-contrast: more) {
  :root { --line: var(--edge); --muted: var(--text); }
}
@media (forced-colors: active) {
  :focus-visible { outline-color: Highlight; }
  .actions > .primary, .actions > .primary:hover { border-width: 4px; }
}`

const RULES = [BASE, CARD, FORMS, CONSENT, APPLICATIONS, PREFERENCES]
  .map((part) => part.trim())
  .join('\n')

/** The styles for light and dark pages, for widths from 320 CSS pixels, without images and fonts. */
export const stylesheet = ({ light, dark }: Branding['accent']) => `${colours(light, 'light')}
@media (prefers-color-scheme: dark) { ${colours(dark, 'dark')} }
${RULES}
`
