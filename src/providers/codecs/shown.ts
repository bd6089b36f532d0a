import type { Part } from '../../core/index.ts';

/** Names what others than the user show: elsewhere images and files are of the user's turns alone. */
export function bindShown(role: string, content: readonly Part[], path: string, bound: string[]): void {
  if (role === 'user') return;
  for (const [i, { type }] of content.entries()) if (type === 'image' || type === 'pdf') bound.push(`${path}[${i}]`);
}
