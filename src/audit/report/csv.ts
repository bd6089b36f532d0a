import type { AuditDocument } from './types.ts';

const HEADS = [
  ...['id', 'name', 'kind', 'calls', 'spend_usd', 'share', 'models', 'move', 'tested', 'saving_low_usd', 'saving_base_usd'],
  ...['saving_high_usd', 'reason', 'proof'],
];

/** The tasks of an audit as CSV (RFC 4180), a row each. Text that a spreadsheet would run as a formula is quoted by an apostrophe. */
export function auditCsv({ tasks }: AuditDocument): string {
  const rows = tasks.map(({ id, name, kind, calls, spendUsd, share, models, recommendation }) => {
    const { move, tested, low, base, high, reason, proof } = recommendation;
    const used = models.join(' ');
    return [id, name, kind, calls, spendUsd, share, used, move, tested, low, base, high, reason, proof].map(cell).join(',');
  });
  return `${[HEADS.join(','), ...rows].join('\r\n')}\r\n`;
}

function cell(value: string | number | boolean): string {
  const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
