/**
 * RFC 3339 times of the API as milliseconds since 1970 and back, without the host's clock or time zone.
 * Calendar arithmetic as in Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms": years run from March, eras have 400 of them.
 */
const DAY_MS = 86_400_000
const PATTERN = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** `2026-01-31T09:05:00.250Z` for milliseconds since 1970; years 0 to 9999. */
export function formatTime(ms: number): string {
  const days = Math.floor(ms / DAY_MS)
  const { year, month, day } = civil(days)
  const inDay = Math.floor(ms - days * DAY_MS)
  const clock = [Math.floor(inDay / 3_600_000), Math.floor(inDay / 60_000) % 60, Math.floor(inDay / 1_000) % 60].map((part) => pad(part, 2)).join(':')
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${clock}.${pad(inDay % 1_000, 3)}Z`
}

/** Milliseconds since 1970, or undefined when the text is not an RFC 3339 time. Parts of a millisecond are cut off. */
export function parseTime(text: string): number | undefined {
  const match = PATTERN.exec(text)
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const days = dayNumber(year, month, day)
  const back = civil(days)
  // A date like 31 February comes back as another one.
  if (back.month !== month || back.day !== day || hour > 23 || minute > 59 || second > 60) return undefined
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * (match[8] === '-' ? -60_000 : 60_000)
  const millis = Number((match[7] ?? '').padEnd(3, '0').slice(0, 3))
  return days * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1_000 + millis - offset
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

function civil(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1 }
}
