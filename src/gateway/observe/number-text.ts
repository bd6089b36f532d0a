/** `000` to `999`, and the same without the zeros at their end. */
const THREE = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
const TRIMMED = THREE.map((digits) => digits.replace(/0+$/, ''));
/** What follows a whole number: '' for none, else a dot with one or two digits. */
const HUNDREDTHS = Array.from({ length: 100 }, (_, i) => (i === 0 ? '' : `.${String(i).padStart(2, '0').replace(/0$/, '')}`));

/** Beyond it a double no longer holds fifteen digits, and what is put together here might not be the shortest text for it. */
const MAX_DIGITS = 1e15;
const NANOS = 1_000_000_000;

/** A number that is rounded to hundredths, as JSON writes it: `String` searches for the shortest digits, which takes five times as long. */
export function hundredthsText(value: number): string {
  const scaled = Math.round(value * 100);
  if (!(scaled >= 0 && scaled < MAX_DIGITS) || scaled / 100 !== value) return String(value);
  const whole = Math.floor(scaled / 100);
  return whole + (HUNDREDTHS[scaled - whole * 100] as string);
}

/** Whole nano-dollars in dollars, as JSON writes them. */
export function usdText(nanos: number): string {
  // Below a millionth of a dollar JavaScript writes an exponent.
  if (!(nanos >= 1000 && nanos < MAX_DIGITS && Number.isInteger(nanos))) return String(nanos / NANOS);
  const whole = Math.floor(nanos / NANOS);
  const rest = nanos - whole * NANOS;
  if (rest === 0) return String(whole);
  const high = Math.floor(rest / 1_000_000);
  const middle = Math.floor(rest / 1000) % 1000;
  const low = rest % 1000;
  if (low !== 0) return `${whole}.${THREE[high]}${THREE[middle]}${TRIMMED[low]}`;
  return middle !== 0 ? `${whole}.${THREE[high]}${TRIMMED[middle]}` : `${whole}.${TRIMMED[high]}`;
}
