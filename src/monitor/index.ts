export { AuditPlan, MINIMUM_OF_SHARE } from './audit-plan.ts';
export { type AuditedRow, auditWeight, isAuditedRow, retentionScore } from './audited-row.ts';
export { Canary, type CanaryPlan } from './canary.ts';
export {
  COVARIATES,
  type Covariate,
  CovariateGuard,
  type CovariateObservation,
  type CovariateReference,
  type CovariateShift,
} from './covariate-guard.ts';
export { ALARM_LIMIT, WeightedECusum } from './e-cusum.ts';
export { HarmProcess } from './harm-process.ts';
export { kolmogorovSmirnov } from './kolmogorov-smirnov.ts';
export { neymanShares } from './neyman.ts';
export { equalMassCuts, PSI_WARNING, psi } from './population-stability.ts';
export { type RetainedEstimate, retainedEstimate } from './retained-estimate.ts';
