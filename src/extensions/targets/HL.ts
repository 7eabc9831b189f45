import type { TargetExtension } from '../contract.ts';
import { hopLimitTarget } from '../hoptarget.ts';

export const HL: TargetExtension = hopLimitTarget({ name: 'HL', family: 'ip6', field: 'hoplimit' });
