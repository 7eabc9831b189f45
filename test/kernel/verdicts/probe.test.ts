import { afterAll, it } from 'vitest';
import { type Batch, dumpOfBatch, formsOf } from './batch.ts';
import { brokenClaims } from './claims.ts';
import { hex } from './bytes.ts';
import { isDecidable, lacks, needsConntrack } from './leftout.ts';
import { randomFrom } from './random.ts';
import { openReceivers, type Way } from './receivers.ts';
import { generatedRules, knownRules, type Tested } from './rules.ts';
import { compare, packetsNear, send, takenRules, type Trial } from './trial.ts';

const receivers = await openReceivers();
afterAll(receivers.close);
it('probes', async () => {
  const seed = Number(process.env['DNFW_TEST_SEED'] ?? 1);
  const only = (process.env['ONLY'] ?? '').split(',').filter((x) => x);
  const theWays = (process.env['WAYS'] ?? 'legacy,nft').split(',') as Way[];
  const all = [...knownRules(), ...generatedRules(seed, Number(process.env['GEN'] ?? 500))]
    .filter(isDecidable)
    .filter((r) => !lacks.some((l) => l.concerns(r)))
    .filter((r) => !only.length || r.matches.some((m) => only.includes(m)));
  const random = randomFrom(seed);
  const groups = new Map<string, Tested[]>();
  for (const rule of all) {
    if (rule.hooks.length === 0) continue;
    const tracked = needsConntrack(rule) || random.chance(0.2);
    const key = [rule.family, random.pick(rule.hooks), tracked].join(' ');
    groups.set(key, [...(groups.get(key) ?? []), rule]);
  }
  const numbering = { next: 0 };
  let n = 0,
    b = 0,
    checked = 0;
  const t = { load: 0, judge: 0, sim: 0 };
  const opens = new Set<Tested>();
  const unknowns = new Map<string, number>();
  const reported = new Map<string, number>();
  for (const [key, rules] of groups) {
    const [family, hook, tracked] = key.split(' ') as [Tested['family'], 'input', string];
    const place = { hook, tracked: tracked === 'true' };
    for (let at = 0; at < rules.length; at += 24) {
      const t0 = performance.now();
      const { taken, refused } = await takenRules(receivers, { family, place, rules: rules.slice(at, at + 24) });
      for (const [r, e] of refused) console.log('REFUSED', r.text, '//', r.from, e.slice(0, 300));
      const batch: Batch = { family, place, rules: taken };
      const forms = formsOf(dumpOfBatch(batch), family);
      const trial: Trial = { family, place, forms, packets: packetsNear(taken, family, place, 250, random, numbering) };
      const t1 = performance.now();
      const tried = await send(receivers, trial, true);
      const t2 = performance.now();
      n += trial.packets.length;
      b++;
      checked += 0;
      const c = compare(trial, tried, batch, theWays);
      checked += c.verdicts;
      for (const o of c.open) opens.add(o);
      const t3 = performance.now();
      t.load += t1 - t0;
      t.judge += t2 - t1;
      t.sim += t3 - t2;
      for (const [u, k] of c.unknown) unknowns.set(u, (unknowns.get(u) ?? 0) + k);
      for (const d of c.disagreements) {
        const culprits =
          d.bits === undefined
            ? ['(drop) ' + taken.map((r) => r.matches.join('+')).join(' ')]
            : taken.filter((_, i) => ((d.bits ?? 0) >>> i) & 1).map((r) => r.text);
        for (const cu of culprits) {
          const k = d.way + ' ' + cu;
          reported.set(k, (reported.get(k) ?? 0) + 1);
          if (reported.get(k) === 1)
            console.log(
              'DIFF',
              key,
              d.way,
              '[' + cu + ']',
              'kernel',
              d.kernel,
              'sim',
              d.simulator,
              d.packet.through,
              hex(d.packet.bytes),
              JSON.stringify(
                [...d.keys].filter(([kk]) => /^(ct|fib|oif)/.test(kk)),
                (_, v) => (typeof v === 'bigint' ? v.toString() : v),
              ),
            );
        }
      }
      const seen = new Set<string>();
      for (const cl of brokenClaims(batch, forms, trial.packets, tried.verdicts)) {
        const k = cl.form + cl.rule.text;
        if (seen.has(k)) continue;
        seen.add(k);
        console.log(
          'BROKEN',
          key,
          cl.form,
          cl.rule.text,
          '//',
          cl.rule.from,
          cl.iptables,
          cl.nft,
          hex(cl.packet.bytes),
        );
      }
    }
  }
  console.log(n, b, checked, t);
  console.log(
    'OPEN',
    [...opens].map((o) => o.text),
  );
  console.log('UNKNOWN', [...unknowns]);
  console.log('COUNTS', [...reported].sort((x, y) => y[1] - x[1]).slice(0, 80));
}, 600000);
