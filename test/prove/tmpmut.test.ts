import { it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { readScenarios, parseScenario } from '../rulesets.ts';
import { registry } from '../../src/extensions/registry.ts';
import { translate } from '../../src/translate/translate.ts';
import { readNftables } from '../../src/nftables/read.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { check } from '../../src/prove/check.ts';
import { every } from '../../src/cli/assumptions.ts';
import { questionsOf } from '../../src/prove/compare.ts';
import { hooksOf } from '../../src/prove/focus.ts';
import { enumerate } from './enumerate.ts';
import { kindAt, mutate, type Json } from './mutants.ts';
import { pick, random } from './programs.ts';
const seed = Number(process.env['DNFW_TEST_SEED'] ?? 20260817);
it('mutants', { timeout: 1500_000 }, () => {
  const next = random(seed);
  const docs = readScenarios().flatMap((s) => {
    const { value } = parseScenario(s);
    return [false, true].flatMap((exactLegacy) => {
      if (exactLegacy && !['docker-17.03','listing-first-era'].includes(s.name)) return [];
      const { commands } = translate(value, registry, { exactLegacy });
      const text = JSON.stringify({ nftables: commands });
      return [{ name: s.name + (exactLegacy ? ' exact' : ''), commands: JSON.parse(JSON.stringify(commands)) as Json[], nft: readNftables('t', text).value, rules: commands.filter((c) => 'add' in c && 'rule' in c.add).length }];
    });
  });
  const assume = new Set([...every].filter((x) => x !== 'whole-headers' && x !== 'header-chains'));
  const out: string[] = [];
  const count: Record<string, Record<string, number>> = {};
  let tc = 0, te = 0, tr = 0;
  const total = Number(process.env['N'] ?? 1000);
  for (let i = 0; i < total; ) {
    const doc = pick(next, docs);
    const m = mutate(kindAt(i), doc.commands, next);
    if (!m) continue;
    let t = performance.now();
    const { value, diagnostics } = readNftables('m', JSON.stringify({ nftables: m.commands }));
    tr += performance.now() - t;
    if (diagnostics.some((d) => d.severity === 'error')) { continue; }
    i++;
    const family = m.family as 'ip' | 'ip6';
    const a = nftProgram(doc.nft, family), b = nftProgram(value, family);
    const hooks = new Set([...hooksOf(a, m.chain), ...hooksOf(b, m.chain)]);
    t = performance.now();
    const c = hooks.size ? check([[a, b]], { assume, hooks }) : { verdict: 'unreached', hooks: [] };
    tc += performance.now() - t;
    t = performance.now();
    const found = hooks.size ? questionsOf(a, b, hooks).map((q) => ({ q, f: enumerate(a, b, q) })) : [];
    te += performance.now() - t;
    const e = found.find((x) => x.f.kind === 'differs') ? 'differs' : found.find((x) => x.f.kind === 'open') ? 'open' : 'same';
    const key = `${c.verdict}/${e}`;
    (count[m.kind] ??= {})[key] = (count[m.kind]![key] ?? 0) + 1;
    if (!['refuted/differs', 'proven/same', 'unreached/same'].includes(key)) out.push(`${key} ${doc.name} ${family} ${m.kind} ${m.table} ${m.chain}: ${m.what}\n   ${c.hooks.map((h) => h.verdict + ' ' + h.hook + h.kind + ' ' + h.reasons.join(';')).join(' | ')}\n   ${found.map((x) => x.q.hook + x.q.kind + JSON.stringify(x.f)).join('\n   ')}`);
  }
  writeFileSync('/tmp/mut/out.txt', out.join('\n') + '\n');
  console.log(JSON.stringify(count, null, 1), { tc, te, tr });
});
