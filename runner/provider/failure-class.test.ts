import { expect, it } from 'vitest'
import { mayRetry, type FailureClass } from './failure-class.ts'

it('sends again once what expired, and nothing else', () => {
  expect(mayRetry('Expired', 0)).toBe(true)
  expect(mayRetry('Expired', 1)).toBe(false)
  const others: FailureClass[] = ['RateLimited', 'Refused', 'InvalidRequest', 'Truncated', 'Missing', 'RecordTooLarge', 'ServerError', 'ContextLength', 'Cancelled']
  expect(others.filter((failure) => mayRetry(failure, 0))).toEqual([])
})
