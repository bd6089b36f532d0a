/** The library: the words, the certificate's mathematics, the policy and what runs on them. The command line is `smallfirst`. */
export * from './certify/index.ts';
export * from './confidence/index.ts';
export { type Config, loadConfig, type ModelConfig, parseConfig, type TaskConfig } from './config/index.ts';
export * from './core/index.ts';
export { type EvalDeps, type EvalPlan, type EvalReport, evaluate } from './eval/index.ts';
export * from './finops/index.ts';
export * from './metrics/index.ts';
export * from './policy/index.ts';
export * from './pricing/index.ts';
export { ClientRegistry, loadRecording, type ModelClient, providers } from './providers/index.ts';
export { runStep, type Step, type StepDeps, type StepRequest, type StepResult, systemTimer } from './run/index.ts';
export { openDataDir, openPostgresStore, openSqliteStore, type Store } from './store/index.ts';
export { evaluateStudent, loadStudent, trainStudent } from './student/index.ts';
