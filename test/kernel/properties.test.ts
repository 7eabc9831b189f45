// dnfw and the real iptables agree on random rules: what the one takes, the other takes and saves in the same words.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { registry } from '../../src/extensions/registry.ts';
import { parse } from '../../src/iptables/parse.ts';
import { printRule } from '../../src/iptables/print.ts';
import { translate } from '../../src/translate/translate.ts';
import { readBooks } from '../book.ts';
import { dumpOf, type GeneratedRule, rule, seed, userChainsOf } from '../generate.ts';
import { type Outcome, type Sample, tryAll } from './iptables.ts';
import type { Tool } from './namespace.ts';

interface Judged extends Sample {
  readonly extensions: readonly string[];
  /** `error`: dnfw says that iptables refuses it. `refused`: it is good, but has no nft form. */
  readonly verdict: 'good' | 'refused' | 'error';
  readonly codes: readonly string[];
}

/** Extensions of which the book says that iptables or the kernel may be without them. */
const oftenMissing = new Set(
  readBooks().flatMap(({ extension, cases }) =>
    cases.some(({ iptables }) => iptables === 'unavailable') ? [extension] : [],
  ),
);

/** Refusals for what the kernel refuses as well. */
const kernelRefuses: readonly string[] = ['wrong-hook', 'wrong-table', 'bpf-invalid'];

const portMatch = / -m (?:tcp|udp)(?: (?:! )?--\S+(?: [^-!\s]\S*)+)*/g;

/** iptables-save forgets that what leaves nothing out was inverted, and that an interface may be any. */
const savedByLegacy = (text: string): string =>
  text
    .replace(portMatch, (match) => match.replace(/ ! --[sd]port 0:65535/g, ''))
    .replace(/ ! --(?:espspi|ahspi) 0:4294967295/g, '')
    .replace(/(?: !)? -[io] \+(?= |$)/g, '');

/** iptables-nft makes nft expressions of some options, and saves what it can read back from them. */
const savedByNft = (text: string): string =>
  text
    .replace(portMatch, (match) => {
      if (match.includes('--tcp-option')) return match.replace(/ ! --[sd]port 0:65535/g, '');
      const ports = match
        .replace(/ ! --[sd]port 0:65535/g, '')
        .replace(/(?: !)? --tcp-flags NONE NONE/, '')
        .replace(/ ! --([sd])port 0:(\d+)/g, (_, side, high) => ` --${side}port ${Number(high) + 1}:65535`);
      return ports !== match && !ports.includes('--') ? '' : ports;
    })
    .replace(/ ! --(?:espspi|ahspi) 0:4294967295/g, '')
    .replace(/(?<!!) -[io] \+(?= |$)/g, '')
    .replace(/ --nflog-range \d+/, '');

/** Beside --notrack iptables keeps only a part of these, or quotes them wrongly. */
const garbled = ({ line }: GeneratedRule): boolean => /--notrack/.test(line) && /--(?:helper|timeout)/.test(line);

const judge = (one: GeneratedRule, backend: Tool['backend']): Judged => {
  const { family, table, line, extensions } = one;
  const chains = userChainsOf(one);
  const input = { name: 'generated', text: dumpOf(table, [line], chains) };
  const { value, diagnostics } = parse([input], registry, { format: 'save', family, backend });
  const errors = diagnostics.filter(isError).map(({ code }) => code);
  const sample = { tool: { family, backend }, table, chains, rule: line, extensions };
  if (errors.length > 0) return { ...sample, verdict: 'error', codes: errors };
  const rules = value.tables[0]?.chains.find(({ name }) => name === one.chain)?.rules ?? [];
  const printed = rules.map((r) => `-A ${one.chain} ${printRule(r, family, registry)}`.trim());
  const saved = printed.map(backend === 'nft' ? savedByNft : savedByLegacy);
  const refused = translate(value, registry).entries.filter(({ status }) => status === 'refused');
  const codes = refused.flatMap((entry) => entry.codes);
  if (codes.some((code) => kernelRefuses.includes(code))) return { ...sample, verdict: 'error', codes };
  const doubtful = refused.length > 0 || extensions.some((name) => oftenMissing.has(name));
  return { ...sample, saved, doubtful, verdict: refused.length > 0 ? 'refused' : 'good', codes };
};

/** What the kernel refuses although dnfw takes it: nothing of this can come from a dump. */
const excused = (one: Judged, { stderr }: Outcome): boolean =>
  // What dnfw does not translate may need what this kernel or iptables lacks, an IP set for example.
  one.doubtful === true ||
  // iptables-legacy asks the kernel only at the end, and gets no reason.
  (one.tool.backend === 'legacy' &&
    /restore: line \d+ failed/.test(stderr) &&
    // TCPMSS wants --syn; TRACE is a module of its own; limit does not take a burst that lasts longer than 13 years.
    one.extensions.some((name) => ['TCPMSS', 'TRACE', 'limit'].includes(name)));

describe.each([
  { backend: 'nft', numRuns: 3000 },
  { backend: 'legacy', numRuns: 1500 },
] as const)('generated rules, iptables-$backend', ({ backend, numRuns }) => {
  const judged = fc
    .sample(rule(registry), { seed, numRuns })
    .filter((one) => !garbled(one))
    .map((one) => judge(one, backend));

  it('takes and saves what dnfw takes', () => {
    const good = judged.filter(({ verdict }) => verdict !== 'error');
    expect(good.length).toBeGreaterThan(numRuns / 2);
    const wrong = [...tryAll(good)].flatMap(([one, outcome]) => {
      const { accepted, stderr, saved } = outcome;
      if (accepted ? saved.join('\n') === one.saved?.join('\n') : excused(one, outcome)) return [];
      return [
        { rule: `${one.tool.family} ${one.table}: ${one.rule}`, dnfw: one.saved, iptables: accepted ? saved : stderr },
      ];
    });
    expect(wrong).toEqual([]);
  });

  it('refuses what dnfw refuses', () => {
    const bad = judged.filter(({ verdict }) => verdict === 'error');
    expect(bad.length).toBeGreaterThan(numRuns / 100);
    const wrong = [...tryAll(bad)].flatMap(([{ tool, table, rule: text, codes }, { accepted }]) =>
      // iptables-nft writes ports as nft expressions and asks no module whether the protocol is right.
      accepted && !(backend === 'nft' && codes.includes('needs-protocol'))
        ? [`${tool.family} ${table}: ${text} (${codes.join()})`]
        : [],
    );
    expect(wrong).toEqual([]);
  });
});
