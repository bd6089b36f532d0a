export {
  type Condition,
  type ExpressionProblem,
  type ListExpression,
  parseCondition,
  parseListExpression,
} from './condition.ts';
export { parseTemplate, type Template } from './template.ts';
export type { ConditionScope, Reference, StepFacts, TemplateScope } from './types.ts';
