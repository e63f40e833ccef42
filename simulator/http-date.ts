const WEEKDAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed']
const MONTHS = ['Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec', 'Jan', 'Feb']
const DAY_MS = 86_400_000

const two = (value: number): string => String(value).padStart(2, '0')

/**
 * The value of an HTTP `date` header (RFC 9110, IMF-fixdate) for milliseconds since 1970.
 * It is computed from the number alone because the simulator's time is its clock port's, never the machine's.
 */
export function httpDate(ms: number): string {
  const days = Math.floor(ms / DAY_MS)
  const seconds = Math.floor((ms - days * DAY_MS) / 1000)
  // Days are counted from 1 March 0000, so that a leap day ends its year: 400 years are 146,097 days.
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor((dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365)
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const month = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * month + 2) / 5) + 1
  const year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
  const time = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  const weekday = WEEKDAYS[((days % 7) + 7) % 7] ?? ''
  return `${weekday}, ${two(day)} ${MONTHS[month] ?? ''} ${String(year).padStart(4, '0')} ${time} GMT`
}
