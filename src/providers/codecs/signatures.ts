const WRAPPED = 'smallfirst:';

/** A thinking signature as another protocol's client keeps it for us: it names who issued it, so it never reaches anybody else. */
export function wrapSignature(signature: string, issuer: string | undefined, client: string): string {
  return issuer === undefined || issuer === client ? signature : `${WRAPPED}${issuer}:${signature}`;
}

/** The signature that a client sent back, and who issued it. */
export function unwrapSignature(text: string, client: string): { readonly signature: string; readonly protocol: string } {
  if (text.startsWith(WRAPPED)) {
    const end = text.indexOf(':', WRAPPED.length);
    if (end !== -1) return { protocol: text.slice(WRAPPED.length, end), signature: text.slice(end + 1) };
  }
  return { signature: text, protocol: client };
}
