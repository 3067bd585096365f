/** Streams that keep what is written to them. `heard` is called with what was written to stderr so far. */
export function collected(heard: (stderr: string) => void = () => {}) {
  const written = { stdout: '', stderr: '' }
  const into = (name: keyof typeof written) => ({
    write(text: string, done?: () => void) {
      written[name] += text
      if (name === 'stderr') heard(written.stderr)
      done?.()
    },
  })
  return { stdout: into('stdout'), stderr: into('stderr'), written }
}
