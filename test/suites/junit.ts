/** Tests of a JUnit file by how they ended. Skipped ones are neither passed nor failed. */
export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Counts the `<testcase>` elements of a JUnit file, whichever tool wrote it. Totals in the head are not trusted: tools differ in them. */
export function countJunit(xml: string): TestCounts {
  const markup = xml.replaceAll(/<!\[CDATA\[[\s\S]*?\]\]>|<!--[\s\S]*?-->/g, '')
  const counts = { passed: 0, failed: 0, skipped: 0 }
  let verdict: keyof TestCounts | null = null
  for (const [, closing, name, empty] of markup.matchAll(/<(\/?)(testcase|failure|error|skipped)\b(?:[^>"']|"[^"]*"|'[^']*')*?(\/?)>/g)) {
    if (name === 'testcase') {
      if (closing === '') verdict = 'passed'
      if ((closing === '/' || empty === '/') && verdict !== null) {
        counts[verdict]++
        verdict = null
      }
    } else if (verdict !== null && closing === '') {
      if (name !== 'skipped') verdict = 'failed'
      else if (verdict === 'passed') verdict = 'skipped'
    }
  }
  return counts
}
