import { Option } from 'commander'

const collected = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value]

/** `--secret NAME=ENVFILE`, which may be given again. */
export function secretOption(): Option {
  return new Option(
    '--secret <name=envfile>',
    'file with lines KEY=… for the Secret of that name: API_KEY for the provider, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for storage; may be given again',
  )
    .argParser(collected)
    .default([], 'the environment')
}

/** `--config-map NAME=FILE`, which may be given again. */
export function configMapOption(): Option {
  return new Option('--config-map <name=file>', 'file with the PEM certificates for the ConfigMap of that name; may be given again').argParser(collected).default([], 'none')
}
