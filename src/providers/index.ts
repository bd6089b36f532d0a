export * from './batches/index.ts';
export {
  type AnswerContext,
  bodyText,
  type ClientProtocol,
  type ClientRequest,
  clientCodecs,
  codecs,
  type ErrorReport,
  type JsonObject,
  MalformedRequest,
  type Protocol,
  parseBody,
  type Quirks,
  type StreamWriter,
} from './codecs/index.ts';
export { createEmbedder, type Embedder } from './embeddings.ts';
export { familyOf } from './families.ts';
export { loadRecording } from './recording.ts';
export { ClientRegistry, providers } from './registry.ts';
export { isEventStreamType, SseParser, StreamSniffer } from './sse/index.ts';
export { studentClient } from './student.ts';
export type { CallContext, ClientDeps, ModelClient } from './types.ts';
export { createHttpClient } from './upstream/http-client.ts';
export * from './upstream/index.ts';
export { type Vendor, vendorOf, vendors } from './vendors.ts';
export { CODINGS, decoderOf, decompressed } from './wire/codings.ts';
export {
  firstElement,
  JsonShapeError,
  lastMember,
  type Member,
  memberValue,
  nextElement,
  scanMembers,
  scanObject,
} from './wire/json-members.ts';
export { askForUsage, type Edit, joinEdits, setMember, setModel, splice } from './wire/splice.ts';
export { createTap } from './wire/tap.ts';
export type { Tap, TapProtocol, TapReport } from './wire/tap-types.ts';
