/** Streams that keep what is written to them. */
export function collected() {
  const written = { stdout: '', stderr: '' }
  const into = (name: keyof typeof written) => ({
    write(text: string, done?: () => void) {
      written[name] += text
      done?.()
    },
  })
  return { stdout: into('stdout'), stderr: into('stderr'), written }
}
