import { it } from 'vitest';
import { readScenarios, parseScenario } from '../rulesets.ts';
import { registry } from '../../src/extensions/registry.ts';
import { translate } from '../../src/translate/translate.ts';
import { readNftables } from '../../src/nftables/read.ts';
import { nftProgram } from '../../src/simulate/nft-program.ts';
import { iptablesProgram } from '../../src/simulate/iptables-program.ts';
import { check } from '../../src/prove/check.ts';
import { every } from '../../src/cli/assumptions.ts';
import { questionsOf } from '../../src/prove/compare.ts';
import { enumerate } from './enumerate.ts';
it('time', { timeout: 500_000 }, () => {
  for (const s of readScenarios()) {
    const { value } = parseScenario(s);
    const { commands, entries } = translate(value, registry);
    const doc = JSON.stringify({ nftables: commands });
    let t = performance.now();
    const { value: nft, diagnostics } = readNftables('t', doc);
    const tr = performance.now() - t;
    for (const family of ['ip', 'ip6'] as const) {
      if (!value.tables.some((x) => x.family === family)) continue;
      t = performance.now();
      const a = iptablesProgram(value, registry, family),
        b = nftProgram(nft, family);
      const c = check([[a, b]], { assume: every });
      const tc = performance.now() - t;
      t = performance.now();
      const c2 = check([[b, nftProgram(readNftables('t', doc).value, family)]], { assume: new Set() });
      const t2 = performance.now() - t;
      console.log(
        s.name,
        family,
        commands.length,
        'read',
        tr.toFixed(0),
        c.verdict,
        c.assumed.join(),
        tc.toFixed(0),
        '| self',
        c2.verdict,
        t2.toFixed(0),
        diagnostics.length,
        entries.filter((e) => e.status === 'refused').length,
      );
      for (const q of questionsOf(b, b)) {
        t = performance.now();
        const f = enumerate(b, b, q);
        const f2 = enumerate(a, b, q);
        const te = performance.now() - t;
        if (te > 100 || f.kind !== 'same' || f2.kind !== 'same')
          console.log('   ', q.hook, q.kind, JSON.stringify(f), JSON.stringify(f2), te.toFixed(0));
      }
    }
  }
});
