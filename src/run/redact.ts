import { changeStrings, type PrivateKind, scrub } from '../privacy/index.ts';

/** Finds one kind of private text and replaces it. Pure, and linear in the text. */
export type Redactor = (text: string) => string;

/** What is taken out of captured texts: what has a checksum or a shape of its own. Names would cost every request, and leave holes all the same. */
const CAPTURED: readonly PrivateKind[] = ['key', 'email', 'iban', 'card', 'phone'];

/**
 * Replaces what looks like a key, an e-mail address, a bank account (IBAN with a right check sum), a payment card (a right Luhn sum) or
 * a telephone number by `[KEY]`, `[EMAIL]`, `[IBAN]`, `[CARD]`, `[PHONE]`, then applies the user's own redactors. It is a net with
 * holes: names, addresses and account numbers of other shapes stay. For a text that may be JSON, see `redactBody`.
 */
export function redact(text: string, own: readonly Redactor[] = []): string {
  let redacted = scrub(text, CAPTURED).text;
  for (const redactor of own) redacted = redactor(redacted);
  return redacted;
}

/**
 * The same for a request or answer body. In JSON every string is redacted as it reads without its escapes, and what is left is JSON
 * again, otherwise as it was; a number with a card's sum becomes a string. Depth does not matter.
 */
export function redactBody(body: string, own: readonly Redactor[] = []): string {
  return changeStrings(body, (text) => redact(text, own));
}
