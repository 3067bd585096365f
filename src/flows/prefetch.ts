/** A read that is started now and awaited later, so that several run at once. Its fault is thrown when it is awaited. */
export function prefetch<T>(read: Promise<T>): Promise<T> {
  read.catch(() => {})
  return read
}
