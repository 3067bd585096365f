/** A duration in words. */

const UNITS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const

/** The duration in the largest unit that divides it: `2 hours`, `90 minutes`. `seconds` is a whole number. */
export function inWords(seconds: number): string {
  const [size, unit] = UNITS.find(([size]) => seconds >= size && seconds % size === 0) ?? UNITS[3]
  const count = seconds / size
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`
}
