/** Units of Parquet's times: how many in a second, and how many digits they take behind the point. */
export const TIME_UNITS = {
  MILLIS: { perSecond: 1_000n, digits: 3 },
  MICROS: { perSecond: 1_000_000n, digits: 6 },
  NANOS: { perSecond: 1_000_000_000n, digits: 9 },
} as const

export type TimeUnit = keyof typeof TIME_UNITS

const DAY_SECONDS = 86_400n
const CYCLE_YEARS = 400n
const CYCLE_DAYS = 146_097n

/** Days since 1970-01-01 as YYYY-MM-DD of the proleptic Gregorian calendar; years outside 0 to 9999 with a sign and six digits or more. */
export function dateText(days: bigint): string {
  // Counted from 0000-03-01, so that the leap day ends a year. Source: https://howardhinnant.github.io/date_algorithms.html#civil_from_days
  const shifted = days + 719_468n
  const cycle = (shifted >= 0n ? shifted : shifted - CYCLE_DAYS + 1n) / CYCLE_DAYS
  const dayOfCycle = Number(shifted - cycle * CYCLE_DAYS)
  const yearOfCycle = Math.floor((dayOfCycle - Math.floor(dayOfCycle / 1460) + Math.floor(dayOfCycle / 36_524) - Math.floor(dayOfCycle / 146_096)) / 365)
  const dayOfYear = dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = cycle * CYCLE_YEARS + BigInt(yearOfCycle) + (month <= 2 ? 1n : 0n)
  return `${yearText(year)}-${padded(month, 2)}-${padded(day, 2)}`
}

/** A time of day, e.g. 23:59:59.999999. */
export function timeText(value: bigint, unit: TimeUnit): string {
  const { perSecond, digits } = TIME_UNITS[unit]
  const seconds = Number(value / perSecond)
  return `${padded(Math.floor(seconds / 3600), 2)}:${padded(Math.floor(seconds / 60) % 60, 2)}:${padded(seconds % 60, 2)}.${(value % perSecond).toString().padStart(digits, '0')}`
}

/** An instant since 1970 as ISO 8601 with all digits of its unit; `Z` only when it is adjusted to UTC. */
export function timestampText(value: bigint, unit: TimeUnit, utc: boolean): string {
  const perDay = DAY_SECONDS * TIME_UNITS[unit].perSecond
  const inDay = ((value % perDay) + perDay) % perDay
  return `${dateText((value - inDay) / perDay)}T${timeText(inDay, unit)}${utc ? 'Z' : ''}`
}

/** Whether a value is a time of day of that unit. */
export function isTimeOfDay(value: bigint, unit: TimeUnit): boolean {
  return value >= 0n && value < DAY_SECONDS * TIME_UNITS[unit].perSecond
}

function yearText(year: bigint): string {
  if (year >= 0n && year <= 9999n) return year.toString().padStart(4, '0')
  return `${year < 0n ? '-' : '+'}${(year < 0n ? -year : year).toString().padStart(6, '0')}`
}

function padded(value: number, digits: number): string {
  return value.toString().padStart(digits, '0')
}
