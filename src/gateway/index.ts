export { isLoopbackHost, loopbackAccess, openAccess } from './access.ts';
export { openKeyRing } from './keys.ts';
export { noBudgets, quietObserver } from './no-limits.ts';
export { type Gateway, openGateway } from './server.ts';
export type { Access, Directory, Family, GatewayDeps, Ledger, Observer, ServedModel } from './types.ts';
