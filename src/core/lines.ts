/**
 * Lines of a text that comes in pieces. They end at line feeds only: JSON strings may hold the other Unicode line separators as they
 * are. A byte order mark at the start is dropped; a carriage return stays, JSON takes it as white space.
 */
export async function* splitLines(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  let isFirst = true;
  for await (const piece of pieces) {
    const parts = (rest + piece).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      yield isFirst ? part.replace(/^\uFEFF/, '') : part;
      isFirst = false;
    }
  }
  if (rest !== '') yield isFirst ? rest.replace(/^\uFEFF/, '') : rest;
}
