// The policies of dnfw-policy(5) are policies, and their guards load.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { noFacts } from '../../../src/guard/facts.ts';
import { readPolicy } from '../../../src/guard/policy-read.ts';
import { policySchema } from '../../../src/guard/policy-schema.ts';
import { guardCommands, usualPriority } from '../../../src/guard/ruleset.ts';
import { printJson } from '../../../src/nftables/print.ts';
import { inNamespace, nft } from '../namespace.ts';

const page = readFileSync('man/dnfw-policy.5', 'utf8');
const examples = [...page.matchAll(/^\.Bd -literal.*\n([^]*?)^\.Ed$/gm)].map(([, text]) => text ?? '');
const [smallest = '', everything = '', addition = ''] = examples;

describe('dnfw-policy(5)', () => {
  it('has three examples', () => {
    expect(examples).toHaveLength(3);
  });

  it.each([
    ['the smallest', [smallest]],
    ['the one with everything', [everything]],
    ['the smallest with an addition', [smallest, addition]],
    ['everything with an addition', [everything, addition]],
  ])('%s', (_name, texts) => {
    const { value, diagnostics } = readPolicy(texts.map((text, index) => ({ name: `${index}.yaml`, text })));
    expect(diagnostics).toEqual([]);
    if (!value) throw new Error('no policy');
    const guard = guardCommands(value, noFacts, { generation: 1, tag: '0123456789ab', priority: usualPriority });
    expect(guard.diagnostics).toEqual([]);
    const [loaded] = inNamespace([nft('-j -f -', printJson(guard.value).join(''))]);
    expect(loaded).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('names every key', () => {
    const named = new Set([...page.matchAll(/^\.It Cm (\w+)$/gm)].map(([, key]) => key));
    const keysOf = (schema: unknown): readonly string[] => {
      const properties: unknown =
        typeof schema === 'object' && schema !== null ? Reflect.get(schema, 'properties') : undefined;
      return Object.keys(Object(properties) as object);
    };
    const parts = Reflect.get(policySchema, 'properties') as Readonly<
      Record<string, Readonly<Record<string, unknown>>>
    >;
    const keys = [...keysOf(policySchema), ...keysOf(parts['allow']?.['items']), ...keysOf(parts['swarm'])];
    expect(keys.filter((key) => !named.has(key))).toEqual([]);
    expect([...named].filter((key) => !keys.includes(key ?? ''))).toEqual([]);
    for (const key of keysOf(parts['log'])) expect(page).toMatch(new RegExp(`^\\.Cm ${key}(?: [,.])?$`, 'm'));
  });
});
