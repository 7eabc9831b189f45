// dnfw as a library: the entry points that package.json exports, by the package's own name, as another project imports them.
import { parse } from 'dnfw/parse';
import { printJson } from 'dnfw/print';
import { registry } from 'dnfw/registry';
import { translate } from 'dnfw/translate';
import { expect, it } from 'vitest';

it('parses, translates and prints', () => {
  const text = '*filter\n:INPUT DROP [0:0]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n';
  const { value, diagnostics } = parse([{ name: 'rules.v4', text }], registry, { backend: 'nft' });
  expect(diagnostics).toEqual([]);
  const { commands, tally } = translate(value, registry, { tablePrefix: 'mine-' });
  expect(tally).toEqual({ rules: 1, exact: 1, guarded: 0, approximate: 0, refused: 0 });
  const document = JSON.parse(printJson(commands).join('')) as { nftables: unknown[] };
  expect(document.nftables).toContainEqual({
    add: {
      chain: {
        family: 'ip',
        table: 'mine-filter',
        name: 'INPUT',
        type: 'filter',
        hook: 'input',
        prio: 0,
        policy: 'drop',
      },
    },
  });
  expect(document.nftables.at(-1)).toEqual({
    add: {
      rule: {
        family: 'ip',
        table: 'mine-filter',
        chain: 'INPUT',
        expr: [{ match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'lo' } }, { accept: null }],
      },
    },
  });
});
