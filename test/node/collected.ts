/** Streams that collect their text. `heard` is called with the text of stderr so far. */
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
