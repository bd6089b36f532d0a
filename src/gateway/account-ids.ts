/** Organisations, projects, accounts, users, workspaces and keys, as vendors write them into messages about limits and access. */
const ACCOUNT =
  /\b(?:org|proj|acct|user|wrkspc)[-_](?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{3,}|\bsk-[A-Za-z0-9_-]{8,}|(?<=\b(?:organization|workspace|account|project)\b[^A-Za-z0-9]{0,4}(?:id[^A-Za-z0-9]{1,4})?)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;

/** Bytes without the ids of an account and its keys; the same buffer where there are none. Every other byte stays as it is. */
export function withoutAccountIds(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1');
  const masked = text.replace(ACCOUNT, '[removed]');
  return masked === text ? bytes : Buffer.from(masked, 'latin1');
}
