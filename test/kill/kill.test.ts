import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { CliProcess } from '../../cli/cli-process.ts'
import { childrenOf, FILES, JobFolder } from './job-folder.ts'

const folders: JobFolder[] = []

async function makeFolder(files: readonly string[] = Object.values(FILES)): Promise<JobFolder> {
  const folder = await JobFolder.make(files)
  folders.push(folder)
  return folder
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove()
})

type Victim = 'run' | 'runner'

/** kill -9 of the run process, or of one of its runners; returns whether there was one to kill. */
function kill(run: CliProcess, victim: Victim): boolean {
  if (run.pid === undefined) return false
  const pid = victim === 'run' ? run.pid : childrenOf(run.pid).at(-1)
  if (pid === undefined) return false
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch (error) {
    // It has just ended by itself.
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
    throw error
  }
}

describe('kill -9 at a random moment', () => {
  for (let moment = 0; moment < 24; moment++) {
    const victim: Victim = moment % 2 === 0 ? 'run' : 'runner'
    // Spread over a run's length, with a random part: each run of this suite tries other moments.
    const afterMs = 150 + Math.floor(moment / 2) * 250 + Math.floor(Math.random() * 250)
    it(`of the ${victim} after ${afterMs} ms: the next run finishes, and the bill holds each row once`, { timeout: 60_000 }, async () => {
      const folder = await makeFolder()
      const run = folder.start()
      const killing = sleep(afterMs).then(() => kill(run, victim))
      await killing
      const end = await run.ended
      // A run whose runner was killed goes on by itself.
      if (victim === 'runner') expect(end.code, end.stderr).toBe(0)
      await folder.finish()
      await folder.expectRight()
    })
  }
})

/** The calls that one batch takes, in order. */
const CALLS = ['GET /v1/batches', 'POST /v1/files', 'POST /v1/batches', 'GET /v1/batches/{id}', 'GET /v1/files/{id}', 'GET /v1/files/{id}/content'] as const

describe('kill -9 while the provider holds a call', () => {
  for (const call of CALLS) {
    for (const when of ['before', 'after'] as const) {
      for (const victim of ['run', 'runner'] as const) {
        for (const then of ['drop', 'release'] as const) {
          it(`${call}, held ${when} acting; kill of the ${victim}; the call is then ${then === 'drop' ? 'cut' : 'let go while the next run works'}`, { timeout: 60_000 }, async () => {
            const folder = await makeFolder([FILES.shape])
            const hold = await folder.hold(call, when)
            const run = folder.start()
            await folder.untilHeld(hold)
            expect(kill(run, victim)).toBe(true)
            if (then === 'drop') await folder.endHold(hold, 'drop')
            if (victim === 'run') await run.ended
            const next = victim === 'run' ? folder.start() : run
            if (then === 'release') {
              await sleep(700)
              await folder.endHold(hold, 'release')
            }
            const end = await next.ended
            expect(end.code, end.stderr).toBe(0)
            await folder.expectRight()
          })
        }
      }
    }
  }
})

describe('one job, several runs', () => {
  it('started twice at once, both end well and the bill holds each row once', { timeout: 60_000 }, async () => {
    const folder = await makeFolder()
    const ends = await Promise.all([folder.start().ended, folder.start().ended])
    for (const end of ends) expect(end.code, end.stderr).toBe(0)
    await folder.expectRight()
  })

  it('run again when it is finished, it makes no provider call and says so', { timeout: 60_000 }, async () => {
    const folder = await makeFolder()
    await folder.finish()
    const before = await folder.calls()
    const again = await folder.finish()
    expect(again.stdout).toContain('no provider call was made')
    expect(await folder.calls()).toEqual(before)
    await folder.expectRight()
  })

  it('with one character of its prompt changed it starts afresh, and overwrites only when told to', { timeout: 60_000 }, async () => {
    const folder = await makeFolder()
    await folder.finish()
    folder.writeJob('Fail', 'Meaning: {{gloss.definition}}.')
    const refused = await folder.start().ended
    expect(refused.code).toBe(64)
    expect(refused.stderr).toContain('OutputExists')
    folder.writeJob('Overwrite')
    await folder.finish()
    await folder.expectRight(2)
  })

  it('with one more input file it pays for that file only', { timeout: 60_000 }, async () => {
    const folder = await makeFolder([FILES.shape, FILES.phenomenon])
    await folder.finish()
    const paid = (await folder.bill()).length
    await folder.addInput(FILES.feeling)
    await folder.finish()
    await folder.expectRight()
    expect((await folder.bill()).length).toBe(paid + 428)
  })

  it('stopped by Ctrl-C it ends cleanly and says how to go on, and goes on', { timeout: 60_000 }, async () => {
    const folder = await makeFolder()
    const run = folder.start()
    await run.printed(/Advancing/)
    run.kill('SIGINT')
    const end = await run.ended
    expect(end.code).toBe(130)
    expect(end.stderr).toContain('Run it again to go on')
    await folder.finish()
    await folder.expectRight()
  })
})
