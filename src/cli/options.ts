import { InvalidArgumentError, Option } from 'commander';

/** Parses a number in a range; the error names the option's own value and the range. */
export function numberIn(
  low: number,
  high: number,
  options: { readonly open?: boolean; readonly integer?: boolean } = {},
): (text: string) => number {
  return (text) => {
    const value = Number(text);
    const inside = options.open ? value > low && value < high : value >= low && value <= high;
    if (text.trim() === '' || !inside || (options.integer && !Number.isInteger(value))) {
      const kind = options.integer ? 'a whole number' : 'a number';
      const range = high === Number.POSITIVE_INFINITY ? `from ${low}` : `between ${low} and ${high}`;
      throw new InvalidArgumentError(`It takes ${kind} ${range}.`);
    }
    return value;
  };
}

/** Splits a comma-separated list and drops blanks. */
export function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

export const jsonOption = () => new Option('--json', 'print one JSON document on stdout').default(false);
export const dataOption = () => new Option('--data <dir>', 'directory that keeps state').default('.smallfirst');
export const configOption = () => new Option('--config <file>', 'configuration file').default('smallfirst.yaml');
