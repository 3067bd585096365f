/** What a user consents to: one sentence for each scope and each endorsement. */

import { EVERY_CATEGORY } from './category.ts'

const SENTENCES: Readonly<Record<string, string>> = {
  'public:read': 'Read public information',
  'profile:read': 'Read your profile: your name, e-mail address and affiliation',
  'profile:update': 'Change your profile',
  'submission:read': 'Read your submissions, including those not announced yet',
  'submission:create': 'Start new submissions in your name',
  'submission:update': 'Change your submissions before they are announced',
  'submission:delete': 'Delete your submissions before they are announced',
  'submission:proxy': 'Submit on behalf of other authors',
  'upload:read': 'Read the files that you uploaded',
  'upload:write': 'Upload files for your submissions and replace them',
  'upload:update': 'Upload files for your submissions and replace them',
  'upload:delete': 'Delete the files that you uploaded',
  'upload:read_logs': 'Read the logs of your uploads',
  'compile:read': 'Read the results of compiling your submissions',
  'compile:create': 'Have your submissions compiled',
  'fulltext:read': 'Read the plain text extracted from your submissions',
  'fulltext:create': 'Have plain text extracted from your submissions',
  'preview:read': 'See previews of your submissions',
  'preview:create': 'Make previews of your submissions',
}

export const CATALOGUED_SCOPES: readonly string[] = Object.keys(SENTENCES)

/** Never empty: the sentence for a scope outside the catalogue names the scope. */
export function scopeSentence(scope: string): string {
  const [resource] = scope.split(':').slice(2)
  const name = scope.split(':', 2).join(':')
  const sentence = Object.hasOwn(SENTENCES, name) ? SENTENCES[name] : undefined
  const words = sentence ?? `Use the permission “${name}”`
  if (resource === undefined) return words
  return resource === '*' ? `${words} (all of them)` : `${words} (only “${resource}”)`
}

const ARCHIVES: Readonly<Record<string, string>> = {
  'astro-ph': 'Astrophysics',
  'cond-mat': 'Condensed Matter',
  cs: 'Computer Science',
  econ: 'Economics',
  eess: 'Electrical Engineering and Systems Science',
  'gr-qc': 'General Relativity and Quantum Cosmology',
  'hep-ex': 'High Energy Physics: Experiment',
  'hep-lat': 'High Energy Physics: Lattice',
  'hep-ph': 'High Energy Physics: Phenomenology',
  'hep-th': 'High Energy Physics: Theory',
  math: 'Mathematics',
  'math-ph': 'Mathematical Physics',
  nlin: 'Nonlinear Sciences',
  'nucl-ex': 'Nuclear Experiment',
  'nucl-th': 'Nuclear Theory',
  physics: 'Physics',
  'q-bio': 'Quantitative Biology',
  'q-fin': 'Quantitative Finance',
  'quant-ph': 'Quantum Physics',
  stat: 'Statistics',
}

export function endorsementSentence(endorsement: string): string {
  if (endorsement === EVERY_CATEGORY) return 'Submit in every category'
  const archive = endorsement.replace(/\..*/, '')
  const [category] = endorsement.split('.').slice(1)
  const name = Object.hasOwn(ARCHIVES, archive) ? ARCHIVES[archive] : archive
  if (category === '*') return `Submit in every category of ${name}`
  return category === undefined
    ? `Submit in ${name}`
    : `Submit in ${endorsement}, a category of ${name}`
}
