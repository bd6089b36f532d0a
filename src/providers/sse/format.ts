/** The text of one server-sent event, blank line included. Line breaks in `data` become further data lines, as the standard asks. */
export function formatSse(event: string | null, data: string): string {
  const lines = data.includes('\n') || data.includes('\r') ? data.split(/\r\n|\n|\r/).join('\ndata: ') : data;
  return event === null ? `data: ${lines}\n\n` : `event: ${event}\ndata: ${lines}\n\n`;
}

/** A comment: every client ignores it, every proxy sees traffic. */
export function formatSseComment(text: string): string {
  return `: ${text.replace(/[\r\n]+/g, ' ')}\n\n`;
}
