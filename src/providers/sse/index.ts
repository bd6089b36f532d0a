export { formatSse, formatSseComment } from './format.ts';
export type { SseFrame, SseParserOptions } from './parser.ts';
export { SseParser } from './parser.ts';
export { isEventStreamType, StreamSniffer } from './sniffer.ts';
