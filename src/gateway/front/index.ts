export { Answer } from './answer.ts';
export { Front } from './front.ts';
export type { RequestHead } from './request-head.ts';
export { WholeRequest } from './whole-request.ts';
