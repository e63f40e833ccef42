/** All items of a stream, for tests whose streams are small. */
export async function collectItems<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

/** All bytes of a stream, for tests whose streams are small. */
export async function collectBytes(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return Buffer.concat(await collectItems(stream))
}
