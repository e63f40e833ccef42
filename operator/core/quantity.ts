import { LlmbatchError } from '../../crds/errors.ts'

const FACTORS = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
])

/** Bytes of a Kubernetes quantity such as `256Mi`, `1.5G` or 268435456, rounded up. Throws InvalidJob naming the field. */
export function quantityBytes(quantity: string | number, field: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(String(quantity))
  const factor = FACTORS.get(match?.[2] ?? '')
  if (match === null || factor === undefined) throw new LlmbatchError('InvalidJob', `${field}: ${JSON.stringify(quantity)} is not a quantity of memory such as 256Mi`)
  return Math.ceil(Number(match[1]) * factor)
}
