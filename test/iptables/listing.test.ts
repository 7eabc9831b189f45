import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { errors, linesOf, read, rulesOf, tableOf, told } from './reading.ts';

const list = (text: string, options = {}) => read(text, { format: 'listing', ...options });

const names = ' pkts bytes target     prot opt in     out     source               destination';
const input = 'Chain INPUT (policy ACCEPT 0 packets, 0 bytes)';
const forward = 'Chain FORWARD (policy DROP 0 packets, 0 bytes)';
const output = 'Chain OUTPUT (policy ACCEPT 0 packets, 0 bytes)';

/** Rows in INPUT of a whole filter table. */
const rows = (...lines: readonly string[]) =>
  [input, names, ...lines, '', forward, names, '', output, names, ''].join('\n');

/** What one row of INPUT becomes: the rule, or the errors with columns. */
const row = (line: string, options = {}) => {
  const reading = list(rows(line), options);
  const wrong = errors(reading).map((one) => one.replace(/^error (\S+) 3:/, '$1 '));
  return wrong.length > 0 ? wrong : rulesOf(reading).map((one) => one.replace(/^-A INPUT ?/, ''));
};

const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('listings of Docker hosts', () => {
  it('read the one that a first-era Swarm node shows', () => {
    const reading = read(file('../../translations/rulesets/listing-first-era/input.iptables-nvL'));
    expect(errors(reading)).toEqual([]);
    const vni = (number: string, policy: string, target: string) =>
      `-A INPUT -p udp${policy} -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x${number}" -j ${target}`;
    const ipsec = ' -m policy --dir in --pol ipsec';
    const table = tableOf(reading, 'filter');
    expect(linesOf(table)).toEqual([
      '-P INPUT ACCEPT',
      ...['100600', '100100', '100200'].flatMap((one) => [vni(one, ipsec, 'ACCEPT'), vni(one, '', 'DROP')]),
    ]);
    expect(table?.chains[0]?.counters).toEqual({ packets: 33477, bytes: 8_115_000 });
    expect(table?.chains[0]?.rules.map(({ counters }) => counters?.bytes)).toEqual([0, 0, 3669, 0, 101, 0]);
    expect(reading.diagnostics.map(({ code }) => code).toSorted()).toEqual([
      'counters-rounded',
      'listing-table-assumed',
    ]);
  });

  it.each(['docker-20.10.5', 'docker-20.10.24', 'docker-20.10.24-legacy', 'docker-28.5.2'])(
    '%s: equal iptables-save of the same host',
    (host) => {
      const saved = linesOf(tableOf(read(file(`../../translations/rulesets/${host}/node.iptables-save`)), 'filter'));
      const listing = read(file(`../data/${host}.iptables-nvL`));
      const rules = read(file(`../data/${host}.iptables-S`));
      expect([...errors(listing), ...errors(rules)]).toEqual([]);
      // iptables-save of the legacy backend orders chains differently.
      const sorted = (lines: readonly string[]) => lines.toSorted();
      expect(saved.length).toBeGreaterThan(40);
      expect(sorted(linesOf(tableOf(listing, 'filter')))).toEqual(sorted(saved));
      expect(linesOf(tableOf(rules, 'filter'))).toEqual(saved);
    },
  );

  it('name what a bpf match does not show, at every rule', () => {
    const lossy = read(file('../data/docker-28.5.2.iptables-nvL')).diagnostics.filter(
      (d) => d.code === 'listing-lossy',
    );
    expect(lossy.map(({ severity, span }) => [severity, span?.line, span?.column])).toEqual(
      [3, 4, 5].map((line) => ['warning', line, 131]),
    );
  });
});

describe('a row', () => {
  it.each([
    ['    0     0 ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0', '-j ACCEPT'],
    ['    0     0 ACCEPT     0    --  *      *       0.0.0.0/0            0.0.0.0/0           ', '-j ACCEPT'],
    ['0 0 ACCEPT all -- * * 0.0.0.0/0 0.0.0.0/0', '-j ACCEPT'],
    ['\t0\t0\tACCEPT\tall\t--\t*\t*\t0.0.0.0/0\t0.0.0.0/0', '-j ACCEPT'],
    [
      '    0     0 ACCEPT     17   --  lo     *       10.0.0.1             0.0.0.0/0',
      '-s 10.0.0.1/32 -i lo -p udp -j ACCEPT',
    ],
    [
      '    0     0 ACCEPT    !6    --  !eth0  !eth+  !10.0.0.0/8           !192.0.2.0/24',
      '! -s 10.0.0.0/8 ! -d 192.0.2.0/24 ! -i eth0 ! -o eth+ ! -p tcp -j ACCEPT',
    ],
    [
      '    0     0            udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:53',
      '-p udp -m udp --dport 53',
    ],
    ['    0     0            all  --  *      *       0.0.0.0/0            0.0.0.0/0', ''],
    ['    0     0 DROP       all  -f  *      *       0.0.0.0/0            0.0.0.0/0', '-f -j DROP'],
    ['    0     0 DROP       all  !f  *      *       0.0.0.0/0            0.0.0.0/0', '! -f -j DROP'],
    [
      '    0     0 DROP       200  --  *      *       10.0.0.0/255.0.255.0  0.0.0.0/0',
      '-s 10.0.0.0/255.0.255.0 -p 200 -j DROP',
    ],
    [
      '    0     0 LOG        tcp  --  *      *       0.0.0.0/0            0.0.0.0/0            multiport dports 80,443 limit: avg 3/min burst 5 LOG flags 0 level 4 prefix "x: "',
      '-p tcp -m multiport --dports 80,443 -m limit --limit 3/min -j LOG --log-prefix "x: "',
    ],
    [
      '    0     0 REJECT     tcp  --  any    any     anywhere             anywhere             tcp dpt:http reject-with icmp-port-unreachable',
      '-p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
    ],
    [
      '    0     0 ACCEPT     all  --  lo     any     anywhere            !10.0.0.0/8           /* a  b */',
      '! -d 10.0.0.0/8 -i lo -m comment --comment "a  b" -j ACCEPT',
    ],
    [
      '    0     0 ACCEPT     udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:4789match bpf 6 0 0 1\0',
      '-p udp -m udp --dport 4789 -m bpf --bytecode "1,6 0 0 1" -j ACCEPT',
    ],
    [
      '    0     0 ACCEPT     udp  --  *      *       0.0.0.0/0            0.0.0.0/0            mark match 0x1match bpf 6 0 0 1 udp dpt:53',
      '-p udp -m mark --mark 0x1 -m bpf --bytecode "1,6 0 0 1" -m udp --dport 53 -j ACCEPT',
    ],
  ])('%j', (line, rule) => {
    expect(row(line)).toEqual([rule]);
  });

  it('has counters, rounded ones too', () => {
    const counted = (counters: string) => {
      const reading = list(rows(`${counters} ACCEPT all -- * * 0.0.0.0/0 0.0.0.0/0`));
      const { packets, bytes } = reading.value.tables[0]?.chains[0]?.rules[0]?.counters ?? { packets: -1, bytes: -1 };
      return [packets, bytes, ...reading.diagnostics.map(({ code }) => code)];
    };
    expect(counted('21 3669')).toEqual([21, 3669]);
    expect(counted('123M 99999')).toEqual([123_000_000, 99_999, 'counters-rounded']);
    expect(counted('10K 12G')).toEqual([10_000, 12_000_000_000, 'counters-rounded']);
    expect(counted('1 3T')).toEqual([1, 3_000_000_000_000, 'counters-rounded']);
  });

  it('may be numbered', () => {
    const text = [
      input,
      `num  ${names}`,
      '1        0     0 DROP       all  --  *      *       0.0.0.0/0            0.0.0.0/0',
    ];
    expect(rulesOf(list(text.join('\n')))).toEqual(['-A INPUT -j DROP']);
  });

  it('may go to a chain instead of jumping there', () => {
    const line =
      '    0     0 X          all  --  *      *       0.0.0.0/0            0.0.0.0/0           [goto]  udp dpt:53';
    const text = `${rows(line.replace('all ', 'udp '))}\nChain X (1 references)\n${names}\n`;
    expect(told(list(text))).toEqual([]);
    expect(rulesOf(list(text))).toEqual(['-A INPUT -p udp -m udp --dport 53 -g X']);
  });

  it('of old ip6tables has no flags', () => {
    const line = '    0     0 ACCEPT     tcp      lo     *       ::/0                 2001:db8::/32        tcp dpt:22';
    expect(row(line)).toEqual(['-d 2001:db8::/32 -i lo -p tcp -m tcp --dport 22 -j ACCEPT']);
    expect(row(line.replace('ACCEPT', '      '))).toEqual(['-d 2001:db8::/32 -i lo -p tcp -m tcp --dport 22']);
    expect(list(rows(line)).value.tables[0]?.family).toBe('ip6');
  });

  it.each([
    [
      '    0     0 ACCEPT     udp  --  *      *       0.0.0.0/0            0.0.0.0/0            frob 1',
      'listing-unreadable 90 "frob 1"',
    ],
    [
      '    0     0 ACCEPT     udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:53 frob',
      'listing-unreadable 101 "frob"',
    ],
    [
      '    0     0 FROB       udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:53 frob',
      'listing-unreadable 101 "frob"',
    ],
    ['    0     0 REJECT     udp  --  *      *       0.0.0.0/0            0.0.0.0/0', 'listing-unreadable 78 ""'],
    ['    0     0 DROP       udp  --  *      *       0.0.0.0/0            0.0.0', 'bad-address 69 "0.0.0"'],
    [
      '    0     0 DROP       udp  --  *      *       0.0.0.0/0',
      'listing-unreadable 1 "    0     0 DROP       udp  --  *      *       0.0.0.0/0"',
    ],
    [
      '    0     0 DROP       udpx --  *      *       0.0.0.0/0  0.0.0.0/0',
      'listing-unreadable 1 "    0     0 DROP       udpx --  *      *       0.0.0.0/0  0.0.0.0/0"',
    ],
    [
      '          0 DROP       udp  --  *      *       0.0.0.0/0  0.0.0.0/0',
      'listing-unreadable 1 "          0 DROP       udp  --  *      *       0.0.0.0/0  0.0.0.0/0"',
    ],
    ['    0     0 DROP       all  --  any    any     localhost            anywhere', 'host-name 48 "localhost"'],
    [
      '    0     0 DROP       all  --  any    any     anywhere             link-local/16',
      'host-name 69 "link-local/16"',
    ],
    [
      '    0     0 DROP       udp  --  *      *       0.0.0.0/0            0.0.0.0/0            udp dpt:65536',
      'value-out-of-range 98 "65536"',
    ],
    ['    0     0 FROB       udp  --  *      *       0.0.0.0/0            0.0.0.0/0', 'unknown-chain 13 "FROB"'],
  ])('%j is refused', (line, problem) => {
    expect(row(line)).toEqual([problem]);
  });
});

describe('a listing', () => {
  const accept = '    0     0 ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0';

  it('without -v is refused if it has rules, for interfaces are not shown', () => {
    const narrow = ['Chain INPUT (policy ACCEPT)', 'target     prot opt source               destination'];
    const text = [
      ...narrow,
      'ACCEPT     all  --  0.0.0.0/0            0.0.0.0/0',
      'DROP       all  --  0.0.0.0/0            0.0.0.0/0',
    ];
    expect(errors(list(text.join('\n')))).toEqual([
      'error listing-lossy 3:1 "ACCEPT     all  --  0.0.0.0/0            0.0.0.0/0"',
    ]);
    expect(errors(list(narrow.join('\n')))).toEqual([]);
  });

  it('may be quoted, indented, fenced and stand below its command', () => {
    const text = `${rows(accept)}\nChain X (0 references)\n${names}\n`;
    const variants = [
      text.replace(/^/gm, '> '),
      text.replace(/^/gm, '> ').replace(/^> $/gm, '>'),
      text.replace(/^/gm, '    '),
      text.replace(/^/gm, '\t'),
      `\`\`\`\n${text}\`\`\`\n`,
      `# iptables -nvL\n${text}`,
      `root@node:~# iptables -nvL\n${text}root@node:~# \n`,
      `[root@node ~]# sudo iptables -nvL\n${text}`,
      text.replaceAll('\n', '\r\n'),
    ];
    for (const variant of variants) {
      const reading = read(variant);
      expect(told(reading)).toEqual([]);
      expect(linesOf(tableOf(reading, 'filter'))).toEqual(linesOf(tableOf(list(text), 'filter')));
    }
  });

  it('may have words around it, but no rules', () => {
    expect(told(read(`Here it is:\n${rows(accept)}`))).toEqual(['warning bad-line 1:1 "Here it is:"']);
    expect(errors(list(`${accept}\n${rows()}`))).toEqual([`error listing-unreadable 1:1 "${accept}"`]);
    expect(errors(list(`${rows(accept)}Bye!\n`))).toEqual(['error listing-unreadable 10:1 "Bye!"']);
  });

  it.each([
    ['a row that is wrapped', rows(accept, '    udp dpt:53'), 'error listing-unreadable 4:1 "    udp dpt:53"'],
    ['no line of names', `${input}\n${accept}\n`, `error listing-unreadable 2:1 "${accept}"`],
    ['a row that is cut behind its addresses', rows(`${accept}  `), `error listing-unreadable 3:1 "${accept}  "`],
    ['names that are cut', `${input}\n${names} \n`, `error listing-unreadable 2:1 "${names} "`],
    [
      'a rule missing',
      `${input}\nnum  ${names}\n1   ${accept}\n3   ${accept}\n`,
      `error listing-unreadable 4:1 "3   ${accept}"`,
    ],
    ['a cut title', `Chain INPUT (policy ACC\n${names}\n`, 'error listing-unreadable 1:1 "Chain INPUT (policy ACC"'],
    ['a built-in chain without policy', `Chain INPUT (0 references)\n${names}\n`, 'error bad-policy 1:7 "INPUT"'],
    ['a policy on a user chain', `Chain X (policy DROP 0 packets, 0 bytes)\n${names}\n`, 'error bad-policy 1:7 "X"'],
    [
      'a chain twice',
      `${rows()}Chain X (0 references)\n${names}\nChain X (0 references)\n${names}\n`,
      'error duplicate-chain 11:7 "X"',
    ],
    [
      'another format in it',
      `${rows(accept)}*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n`,
      'error mixed-formats 10:1 "*nat"',
    ],
  ])('is refused with %s', (_, text, problem) => {
    expect(errors(list(text))).toEqual([problem]);
  });

  it('is checked against the numbers of references', () => {
    const text = `${rows('    0     0 X          all  --  *      *       0.0.0.0/0            0.0.0.0/0')}Chain X (2 references)\n${names}\n`;
    expect(told(list(text))).toEqual(['warning listing-lossy 10:7 "X"']);
    expect(told(list(text.replace('2 references', '1 references')))).toEqual([]);
  });

  it('does not mix up the options of matches and the target', () => {
    const line =
      '    0     0 MARK       udp  --  *      *       0.0.0.0/0            0.0.0.0/0            mark match 0x1 MARK set 0x2';
    const text = rows(line);
    expect(rulesOf(list(text, { table: 'mangle' }))).toEqual([
      '-A INPUT -p udp -m mark --mark 0x1 -j MARK --set-xmark 0x2/0xffffffff',
    ]);
  });
});

describe('the table of a listing', () => {
  const chain = (name: string, ...lines: readonly string[]) =>
    [`Chain ${name} (policy ACCEPT 0 packets, 0 bytes)`, names, ...lines, ''].join('\n');
  const judged = (text: string, options = {}) => {
    const reading = list(text, options);
    return [
      ...reading.value.tables.map(({ name }) => name),
      ...reading.diagnostics.map(({ severity, code }) => `${severity} ${code}`),
    ];
  };
  const masquerade = '    0     0 MASQUERADE  all  --  *      eth0    10.0.0.0/8           0.0.0.0/0';
  const drop = '    0     0 DROP       all  --  *      *       0.0.0.0/0            0.0.0.0/0';
  const all = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

  it('is told by its built-in chains', () => {
    expect(judged(['INPUT', 'FORWARD', 'OUTPUT'].map((name) => chain(name)).join(''))).toEqual([
      'filter',
      'note family-assumed',
    ]);
    expect(judged(['PREROUTING', 'OUTPUT'].map((name) => chain(name, drop)).join(''))).toEqual(['raw']);
    expect(judged(all.map((name) => chain(name, drop)).join(''))).toEqual(['mangle']);
    expect(
      judged(
        all
          .filter((name) => name !== 'FORWARD')
          .map((name) => chain(name, drop))
          .join(''),
      ),
    ).toEqual(['nat']);
  });

  it('is told by its rules where the chains do not tell', () => {
    expect(judged(chain('POSTROUTING', masquerade))).toEqual(['nat']);
    expect(judged(chain('INPUT', drop))).toEqual(['filter', 'note listing-table-assumed']);
    expect(judged(chain('FORWARD', drop))).toEqual(['filter', 'note listing-table-assumed']);
    expect(judged(chain('POSTROUTING', drop))).toEqual(['error listing-table-assumed']);
    expect(judged(chain('POSTROUTING', drop), { table: 'mangle' })).toEqual(['mangle']);
    expect(judged(`$ iptables -t mangle -nvL POSTROUTING\n${chain('POSTROUTING', drop)}`)).toEqual(['mangle']);
  });

  it('ends where the next one begins', () => {
    const filterTable = `${chain('INPUT', drop)}${chain('FORWARD')}${chain('OUTPUT')}Chain X (0 references)\n${names}\n`;
    const natTable =
      ['PREROUTING', 'INPUT', 'OUTPUT'].map((name) => chain(name)).join('') + chain('POSTROUTING', masquerade);
    expect(judged(`${filterTable}\n${natTable}`)).toEqual(['filter', 'nat']);
    expect(judged(`${natTable}\n${filterTable}`)).toEqual(['nat', 'filter']);
  });
});
