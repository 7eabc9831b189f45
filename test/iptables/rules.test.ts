import { describe, expect, it } from 'vitest';
import { errors, linesOf, read, tableOf, told } from './reading.ts';

const list = (text: string, options = {}) => read(text, { format: 'rules', family: 'ip', ...options });

const chains = '-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n';

describe('iptables -S', () => {
  it('has policies, chains and rules', () => {
    const reading = read(`${chains}-N X\n-A INPUT -s 10.0.0.0/8 -j X\n-A X -m comment --comment "a b" -j DROP\n`);
    expect(told(reading)).toEqual([]);
    expect(linesOf(tableOf(reading, 'filter'))).toEqual([
      '-P INPUT DROP', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT', '-N X',
      '-A INPUT -s 10.0.0.0/8 -j X', '-A X -m comment --comment "a b" -j DROP',
    ]); // prettier-ignore
  });

  it('has counters with -v, in either form', () => {
    const reading = list('-P INPUT ACCEPT -c 5 300\n-A INPUT -i lo -c 7 800 -j ACCEPT\n[9:10] -A INPUT -j DROP\n', {
      table: 'filter',
    });
    expect(told(reading)).toEqual([]);
    const chain = tableOf(reading, 'filter')?.chains[0];
    expect(chain?.counters).toEqual({ packets: 5, bytes: 300 });
    expect(chain?.rules.map(({ counters }) => counters)).toEqual([
      { packets: 7, bytes: 800 },
      { packets: 9, bytes: 10 },
    ]);
  });

  it.each([
    ['-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n', ['raw']],
    ['-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n', ['nat']],
    [`${chains}-P PREROUTING ACCEPT\n-P POSTROUTING ACCEPT\n`, ['mangle']],
    [chains, ['filter']],
    ['-P INPUT ACCEPT\n', ['filter', 'note listing-table-assumed 1:1 "-P INPUT ACCEPT"']],
    ['-N X\n-A X -j DROP\n', ['filter', 'note listing-table-assumed 1:1 "-N X"']],
    ['-N X\n-A X -j MASQUERADE\n', ['nat']],
    ['-P PREROUTING ACCEPT\n', ['error listing-table-assumed 1:1 "-P PREROUTING ACCEPT"']],
    [
      '-P PREROUTING ACCEPT\n-P FORWARD ACCEPT\n-N X\n-A X -j MASQUERADE\n',
      ['error listing-table-assumed 1:1 "-P PREROUTING ACCEPT"'],
    ],
    [`${chains}-N X\n-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n`, ['filter', 'raw']],
  ])('is of the table that its chains and rules tell: %j', (text, tables) => {
    const reading = list(text);
    expect([...reading.value.tables.map(({ name }) => name), ...told(reading)]).toEqual(tables);
  });

  it('is of the table that the option or its command names', () => {
    expect(list('-P PREROUTING ACCEPT\n', { table: 'nat' }).value.tables[0]?.name).toBe('nat');
    const reading = read(
      '$ sudo ip6tables-nft -t raw -S\n-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n$ ip6tables-nft -S\n-P INPUT DROP\n',
      {},
    );
    expect(told(reading)).toEqual(['note listing-table-assumed 5:1 "-P INPUT DROP"']);
    expect(reading.value.tables.map(({ name, family, backend }) => `${family} ${name} ${backend}`)).toEqual([
      'ip6 raw nft',
      'ip6 filter nft',
    ]);
  });

  it('may be quoted or indented', () => {
    const text = `${chains}-A INPUT -j DROP\n`;
    for (const mark of ['> ', '>', '  ', '\t'])
      expect(linesOf(tableOf(read(text.replace(/^(?=-)/gm, mark), { family: 'ip' }), 'filter'))).toEqual(
        linesOf(tableOf(list(text), 'filter')),
      );
  });

  it('without its policies is read with a warning', () => {
    expect(told(list('-A INPUT -j ACCEPT\n-A INPUT -j DROP\n', { table: 'filter' }))).toEqual([
      'warning listing-lossy 1:4 "INPUT"',
    ]);
  });

  it.each([
    [`${chains}-A X -j DROP\n`, 'error unknown-chain 4:4 "X"'],
    [`${chains}-A INPUT --frob\n`, 'error unknown-option 4:10 "--frob"'],
    [`${chains}-A INPUT -m comment --comment "x\n`, 'error bad-quote 4:31 """'],
    [`${chains}-t nat -A INPUT\n`, 'error misplaced-option 4:4 "nat"'],
    [`${chains}nonsense\n`, 'error bad-line 4:1 "nonsense"'],
    [`${chains}*filter\nCOMMIT\n`, 'error mixed-formats 4:1 "*filter"'],
    ['-P X DROP\n', 'error bad-policy 1:4 "X"'],
    ['-P INPUT REJECT\n', 'error bad-policy 1:10 "REJECT"'],
  ])('is refused: %j', (text, problem) => {
    expect(errors(list(text))).toEqual([problem]);
  });
});
