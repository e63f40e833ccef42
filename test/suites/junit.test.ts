import { describe, expect, it } from 'vitest'
import { countJunit } from './junit.ts'

describe('countJunit', () => {
  it('counts what passed, failed, broke and was skipped', () => {
    const xml = `<?xml version="1.0"?>
      <testsuites tests="9" failures="0"><testsuite name="a &gt; b">
        <testcase name="passes" time="0.1"/>
        <testcase name="passes > with output"><system-out><![CDATA[<testcase name="x"><failure/></testcase>]]></system-out></testcase>
        <testcase name='fails'><failure message="1 > 0">at &lt;error&gt;</failure></testcase>
        <testcase name="breaks"><error/></testcase>
        <testcase name="waits"><skipped/></testcase>
        <!-- <testcase name="commented"/> -->
      </testsuite></testsuites>`
    expect(countJunit(xml)).toEqual({ passed: 2, failed: 2, skipped: 1 })
  })

  it('counts a test once, however often it failed', () => {
    expect(countJunit('<testcase name="a"><failure/><failure/></testcase>')).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  it('counts nothing in a file that holds no test', () => {
    expect(countJunit('<testsuites/>')).toEqual({ passed: 0, failed: 0, skipped: 0 })
  })
})
