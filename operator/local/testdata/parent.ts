/** A process that runs one hanging runner, for the test that kills it. The environment is passed through to the runner. */
import { IntervalSet } from '../../../crds/interval-set.ts'
import { LocalProcessCluster } from '../local-process-cluster.ts'
import { fileURLToPath } from 'node:url'
import { exampleSpec, JOB } from './local-harness.ts'

const env = { FAKE_FOLDER: process.env['FAKE_FOLDER'] ?? '', FAKE_SCRIPT: JSON.stringify({ advance: [{ hang: true }] }) }
const cluster = await LocalProcessCluster.open({ job: JOB, spec: exampleSpec(), env, runnerPath: fileURLToPath(new URL('fake-runner.ts', import.meta.url)) })
await cluster.startWave(JOB, { name: 'test-advance-1', mode: 'advance', set: IntervalSet.range(0, 2), plan: 'file:/plan#x', parallelism: 2, memoryBytes: 2 ** 28 })
