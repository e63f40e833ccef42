/** The wish to stop, from the terminal (Ctrl-C) or from whoever started this process. */
export interface StopSignals {
  /** Aborts with the first signal. */
  readonly signal: AbortSignal
  /** The first signal, null while there was none. */
  received(): 'SIGINT' | 'SIGTERM' | null
  /** Called with each further signal: the first one's way is too slow. */
  onSecond(listener: () => void): void
  /** Leaves the signals to Node's defaults again. */
  close(): void
}

/** Listens for SIGINT and SIGTERM. */
export function stopSignals(): StopSignals {
  const controller = new AbortController()
  let first: 'SIGINT' | 'SIGTERM' | null = null
  let second: (() => void) | undefined
  const onSignal = (name: 'SIGINT' | 'SIGTERM') => (): void => {
    if (first !== null) {
      second?.()
      return
    }
    first = name
    controller.abort(new Error(`stopped by ${name}`))
  }
  const listeners = [['SIGINT', onSignal('SIGINT')], ['SIGTERM', onSignal('SIGTERM')]] as const
  for (const [name, listener] of listeners) process.on(name, listener)
  return {
    signal: controller.signal,
    received: () => first,
    onSecond: (listener) => {
      second = listener
    },
    close: () => {
      for (const [name, listener] of listeners) process.off(name, listener)
    },
  }
}
