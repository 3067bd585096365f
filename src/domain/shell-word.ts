/** A word of a POSIX shell, in single quotes, for commands that people paste. */
export const shellWord = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
