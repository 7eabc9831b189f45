/**
 * Whether rules turn connection tracking on for their network namespace, and reassembly with it (net/netfilter
 * nf_ct_netns_get): matches that ask about connections and targets that map or mark them do.
 */
import type { Condition } from '../packet/condition.ts';
import type { ProgramRule, Step } from '../packet/program.ts';

const isConnection = (key: string): boolean => key.startsWith('ct.');

const asks = (condition: Condition): boolean => {
  switch (condition.kind) {
    case 'test':
    case 'present':
      return condition.field.kind === 'key' && isConnection(condition.field.key);
    case 'name':
      return isConnection(condition.key);
    case 'not':
      return asks(condition.of);
    case 'all':
    case 'any':
      return condition.of.some(asks);
    case 'program':
    case 'opaque':
    case 'constant':
    case 'unmodelled':
      return false;
  }
};

const tracks = (step: Step): boolean => {
  switch (step.kind) {
    case 'test':
    case 'hotdrop':
      return asks(step.condition);
    case 'choose':
      return step.arms.some((arm) => asks(arm.condition) || arm.steps.some(tracks));
    case 'effect': {
      const { effect } = step;
      if (effect.kind === 'set' || effect.kind === 'copy') return isConnection(effect.key);
      return effect.kind === 'nat' || effect.kind === 'notrack';
    }
    case 'verdict':
    case 'unmodelled':
      return false;
  }
};

export const turnTrackingOn = (rules: readonly ProgramRule[]): boolean => rules.some(({ steps }) => steps.some(tracks));
