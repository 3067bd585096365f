/** The seed of all random cases: `SEED=random npm run test:long` runs others. */

/** Any number: CI repeats its cases. */
const DEFAULT_SEED = 20_261_130
/** fast-check keeps a seed in 32 bits. */
const SEEDS = 2 ** 31

/** `SEED` is a number, or `random`. Throws for anything else. */
export function seedFrom(text: string | undefined): number {
  if (text === undefined || text === '') return DEFAULT_SEED
  if (text === 'random') return Math.floor(Math.random() * SEEDS)
  const seed = Number(text)
  if (/^-?\d+$/.test(text) && Math.abs(seed) < SEEDS) return seed
  throw new Error(`SEED is ${JSON.stringify(text)}: it must be a number or "random"`)
}
