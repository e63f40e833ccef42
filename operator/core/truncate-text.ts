const ELLIPSIS = '…'

/** The text cut to so many bytes of UTF-8, at a character's border and with an ellipsis when something was cut. `bytes` is at least 3. */
export function truncateText(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  const room = bytes - Buffer.byteLength(ELLIPSIS)
  let size = 0
  let kept = ''
  for (const character of text) {
    size += Buffer.byteLength(character)
    if (size > room) break
    kept += character
  }
  return kept + ELLIPSIS
}
