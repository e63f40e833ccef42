/** How numbers, times and sizes are written for people, and text fitted to a width. Pure. */

/** 1234567 → "1,234,567". */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** A quantity and its noun: "1 row", "2 rows". */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Milliseconds as "0:07", "12:30" or "3:05:00". */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const two = (value: number): string => String(value).padStart(2, '0')
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor(seconds / 60) % 60
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
}

/** Bytes in whole MiB. */
export function mebibytes(bytes: number): string {
  return `${count(Math.round(bytes / 1024 / 1024))} MiB`
}

/** A bar of `width` cells: `first` and `second` are absolute, `second` ≥ `first` (what is under way as well). */
export function bar(width: number, total: number, first: number, second: number = first): string {
  const cells = (value: number): number => (total <= 0 ? 0 : Math.min(width, Math.floor((width * value) / total)))
  const done = cells(first)
  const underWay = Math.max(done, cells(second))
  return '█'.repeat(done) + '▒'.repeat(underWay - done) + '░'.repeat(width - underWay)
}

/** Columns that a text takes on a terminal: wide characters (East Asian, emoji) take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

/** Cuts a text to a width, ending in "…" when something is lost. Control characters, line breaks among them, become blanks. */
export function fit(text: string, width: number): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ')
  if (displayWidth(clean) <= width) return clean
  let out = ''
  let used = 0
  for (const character of clean) {
    used += characterWidth(character)
    if (used > width - 1) break
    out += character
  }
  return `${out}…`
}

/** A text fitted and filled up to a width. */
export function column(text: string, width: number): string {
  const fitted = fit(text, width)
  return fitted + ' '.repeat(Math.max(0, width - displayWidth(fitted)))
}

function characterWidth(character: string): number {
  if (/\p{M}/u.test(character)) return 0
  const code = character.codePointAt(0) ?? 0
  const wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) || (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff)
  return wide || (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || (code >= 0x1f300 && code <= 0x1faff) || code >= 0x20000 ? 2 : 1
}
