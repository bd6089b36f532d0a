export * from './bill.ts';
export * from './break-even.ts';
export * from './cascade-cost.ts';
export * from './scenarios.ts';
