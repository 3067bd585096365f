/** A read that is started now and awaited later, so that several reads run at once. A fault waits until then as well. */
export function prefetch<T>(read: Promise<T>): Promise<T> {
  read.catch(() => {})
  return read
}
