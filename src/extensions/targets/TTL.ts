import type { TargetExtension } from '../contract.ts';
import { hopLimitTarget } from '../hoptarget.ts';

export const TTL: TargetExtension = hopLimitTarget({ name: 'TTL', family: 'ip', field: 'ttl' });
