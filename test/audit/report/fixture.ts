// A report as audits make them, made by hand: every part filled, several hosts, and one that is out to break formats.
import type { Finding, Witness } from '../../../src/audit/finding.ts';
import type { Declaration, Setting } from '../../../src/audit/report/format.ts';
import { plainBrush } from '../../../src/audit/report/format.ts';
import type { HostReport, Report } from '../../../src/audit/report/types.ts';
import type { Rung } from '../../../src/guard/ladder.ts';

const declare = (code: string, job: Finding['job'], severity: Finding['severity'], title: string, references: readonly string[] = []): Declaration => ({ code, job, severity, title, references, about: `${title}. This is why it matters, in a sentence or two. And this is what is looked at.`, silent: 'Nobody has it.' }); // prettier-ignore

export const declared: readonly Declaration[] = [
  declare('published-past-input', 'exposure', 'high', 'A published port is reachable although INPUT would drop it'),
  declare('loopback-from-lan', 'exposure', 'medium', 'A port published on loopback is reachable from the network', ['CVE-2025-54410']), // prettier-ignore
  declare('overlay-drop-behind-accept', 'encryption', 'high', 'Clear packets of an encrypted network are let in before Docker drops them', ['CVE-2023-28840', 'GHSA-232p-vwff-86mp', 'moby#45280']), // prettier-ignore
  declare('overlay-mark-missing', 'encryption', 'critical', 'An encrypted network is sent in clear'),
  declare('mixed-backends', 'ordering', 'medium', 'Rules of iptables-legacy and iptables-nft are both in use', ['moby#46636']), // prettier-ignore
  declare('translation-loses-u32', 'migration', 'medium', 'The stock translator turns rules into comments'),
  declare('guard-absent', 'guard', 'low', 'There is no guard'),
  declare('rule-shadowed', 'hygiene', 'info', 'A rule never matches: others match all of its packets first'),
];

const declaredOf = (code: string): Declaration => declared.find((one) => one.code === code) as Declaration;

type Part = Partial<Finding> & Pick<Finding, 'subject'>;

export const findingOf = (code: string, part: Part): Finding => {
  const { job, severity, title, references } = declaredOf(code);
  return {
    code,
    job,
    severity,
    title,
    references: references ?? [],
    fingerprint: `${code}: ${part.subject}`,
    what: 'This was seen here.',
    means: 'This follows from it.',
    evidence: [],
    fix: [{ what: 'do this', commands: ['iptables-nft -t filter -L'] }],
    ...part,
  };
};

const clear: Witness = {
  family: 'ip',
  packet:
    'hook=input in=eth0 ip saddr=198.51.100.7 daddr=192.0.2.1 udp sport=40000 dport=4789 vxlan vni=4097 secpath=no ct state=new',
  hex: '4500002c',
  hook: 'input',
  verdict: 'accept',
  trace: [
    'packet   hook=input in=eth0 ip saddr=198.51.100.7 udp dport=4789 vxlan vni=4097 secpath=no',
    '',
    'input    mangle  ip INPUT (-150): policy accept',
    'input    filter  ip INPUT (0)',
    '         rule 1  node.iptables-save:21: -p udp -m udp --dport 4789 -j ACCEPT',
    'verdict  accept',
  ],
};

const u32 = '-A INPUT -p udp -m udp --dport 4789 -m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100100" -j DROP';

const rung = (priority: number, table: string, chain: string, more: Partial<Rung> = {}): Rung => ({
  priority,
  family: 'ip',
  table,
  chain,
  type: table === 'nat' ? 'nat' : 'filter',
  runs: 'iptables-nft',
  policy: 'accept',
  rules: 0,
  owner: 'nobody: it has no rules',
  isTied: false,
  ...more,
});

const both = (...some: readonly Rung[]): readonly Rung[] => some.flatMap((one) => [one, { ...one, family: 'ip6', rules: Math.max(0, one.rules - 2) }]); // prettier-ignore

const ladder: HostReport['ladder'] = [
  {
    hook: 'prerouting',
    rungs: both(
      rung(-300, 'raw', 'PREROUTING', { owner: 'Docker', rules: 2 }),
      rung(-150, 'mangle', 'PREROUTING'),
      rung(-100, 'nat', 'PREROUTING', { owner: 'Docker', rules: 1 }),
    ),
  },
  {
    hook: 'input',
    rungs: [
      ...both(rung(-150, 'mangle', 'INPUT')),
      rung(-10, 'dnfw', 'input', { family: 'inet', runs: 'nft', owner: 'dnfw', rules: 24, policy: 'accept' }),
      ...both(rung(0, 'filter', 'INPUT', { owner: 'Docker, ufw', rules: 14, policy: 'drop', isTied: true })),
      rung(0, 'site', 'in', { family: 'inet', runs: 'nft', owner: 'unknown', rules: 4, isTied: true }),
      rung(10, 'firewalld', 'filter_INPUT', { family: 'inet', runs: 'nft', owner: 'firewalld', rules: 9 }),
      ...both(rung(50, 'security', 'INPUT')),
      ...both(rung(100, 'nat', 'INPUT')),
    ],
  },
  {
    hook: 'forward',
    rungs: [
      ...both(rung(-150, 'mangle', 'FORWARD'), rung(0, 'filter', 'FORWARD', { owner: 'Docker', rules: 12, policy: 'drop' })), // prettier-ignore
      rung(0, 'filter', 'FORWARD', { runs: 'iptables-legacy', owner: 'operator', rules: 3, policy: 'drop' }),
      rung(10, 'firewalld', 'filter_FORWARD', { family: 'inet', runs: 'nft', owner: 'firewalld', rules: 11 }),
    ],
  },
  {
    hook: 'output',
    rungs: both(
      rung(-150, 'mangle', 'OUTPUT', { type: 'route', owner: 'Docker', rules: 2 }),
      rung(-100, 'nat', 'OUTPUT', { owner: 'Docker', rules: 1 }),
      rung(0, 'filter', 'OUTPUT'),
    ),
  },
  {
    hook: 'postrouting',
    rungs: both(rung(-150, 'mangle', 'POSTROUTING'), rung(100, 'nat', 'POSTROUTING', { owner: 'Docker', rules: 6 })),
  },
];

const drop = { file: 'node.iptables-save', line: 24, text: u32, note: 'would drop it' };

export const node1: HostReport = {
  name: 'node1',
  kind: 'capture',
  files: ['node.iptables-save', 'node.ip6tables-save'],
  taken: '2026-11-28T03:04:05.000Z',
  engine: { version: '28.5.2', swarm: 'manager', backend: 'iptables' },
  era: '20.10.24 to 20.10.27, 23.0.3 and later',
  rules: { iptables: 49, nft: 24 },
  ladder,
  overlays: [
    {
      family: 'ip',
      port: 4789,
      vni: 4097,
      network: 'payments',
      mark: 1,
      accept: 1,
      drop: 1,
      guard: true,
      clear: 'accept',
    },
    { family: 'ip', port: 4789, vni: 4098, network: 'web', mark: 1, accept: 0, drop: 1, guard: true, clear: 'drop' },
    { family: 'ip', port: 4789, vni: 4103, mark: 0, accept: 1, drop: 0, guard: false, clear: 'unknown' },
    { family: 'ip6', port: 4789, vni: 4104, mark: 2, accept: 0, drop: 0, guard: false },
  ],
  exposure: [
    { family: 'ip', protocol: 'tcp', port: 8080, kind: 'published', behind: '172.17.0.2:80 (web)', reach: { anywhere: 'open', network: 'open', containers: 'open', host: 'open' } }, // prettier-ignore
    { family: 'ip6', protocol: 'tcp', port: 9000, last: 9010, kind: 'published', behind: 'docker-proxy', reach: { anywhere: 'unknown', network: 'open', containers: 'open', host: 'open' } }, // prettier-ignore
    { family: 'ip', protocol: 'tcp', port: 5432, kind: 'published', address: '127.0.0.1', behind: '172.17.0.3:5432', reach: { anywhere: 'closed', network: 'open', containers: 'closed', host: 'open' } }, // prettier-ignore
    { family: 'ip', protocol: 'tcp', port: 22, kind: 'listening', behind: 'sshd', reach: { anywhere: 'closed', network: 'open', containers: 'open', host: 'open' } }, // prettier-ignore
    { family: 'ip', protocol: 'udp', port: 4789, kind: 'listening', behind: 'kernel', reach: { anywhere: 'open', network: 'open', containers: 'closed', host: 'unknown' } }, // prettier-ignore
  ],
  findings: [
    findingOf('published-past-input', {
      subject: '8080/tcp',
      what: '8080/tcp is sent to the container 172.17.0.2:80 before INPUT is asked, and a new connection from anywhere gets through.',
      means: 'The rule of ufw that denies 8080 is never asked: what is published does not come to INPUT at all.',
      evidence: [
        { file: 'node.iptables-save', line: 12, text: '-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80', note: 'sends it to the container' }, // prettier-ignore
        { file: 'node.iptables-save', line: 33, text: '-A ufw-user-input -p tcp -m tcp --dport 8080 -j DROP', note: 'never asked' }, // prettier-ignore
      ],
      witness: { ...clear, hook: 'all', packet: 'in=eth0 ip saddr=198.51.100.7 daddr=192.0.2.1 tcp sport=40000 dport=8080 flags=syn ct state=new' }, // prettier-ignore
      fix: [
        { what: 'refuse it where Docker leaves room for it', commands: ["iptables-nft -I DOCKER-USER 1 -i eth0 -p tcp -m conntrack --ctorigdstport 8080 -m comment --comment 'closed by the audit of November' -j DROP"] }, // prettier-ignore
        { what: 'or publish it on one address only', commands: ['docker run -p 127.0.0.1:8080:80 web'] },
      ],
    }),
    findingOf('overlay-drop-behind-accept', {
      subject: 'VNI 4097 (0x1001), port 4789',
      what: "VNI 4097 (0x1001), port 4789: a clear VXLAN packet of this encrypted network is let in before Docker's rule to drop it is asked.",
      means:
        'Whoever can send UDP to this host can put packets into the encrypted network, without any key. IPsec itself does not stop that: Docker has no policy for what comes in, only this rule.',
      evidence: [{ file: 'node.iptables-save', line: 21, text: '-A INPUT -p udp -m udp --dport 4789 -j ACCEPT', note: 'lets it in' }, drop], // prettier-ignore
      witness: clear,
      fix: [{ what: 'put the rule to drop it first', commands: [`iptables-nft -t filter -D ${u32.slice(3)}`, `iptables-nft -I INPUT 1 ${u32.slice(9)}`] }], // prettier-ignore
    }),
    findingOf('mixed-backends', { subject: 'IPv4', accepted: { reason: 'the old agent goes in January', until: '2027-01-31' } }), // prettier-ignore
    findingOf('guard-absent', { subject: 'inet dnfw', evidence: [{ file: 'node1.json', line: 0, text: '' }] }),
    findingOf('rule-shadowed', { subject: 'ip filter INPUT 7', severity: 'low', evidence: [drop] }),
    findingOf('rule-shadowed', { subject: 'ip filter INPUT 9' }),
  ],
  looked: declared.map(({ code }) => code).filter((code) => code !== 'loopback-from-lan'),
  left: [{ code: 'loopback-from-lan', because: ['addresses and routes (ip)', 'kernel settings (sysctl)'] }],
  lacks: [
    'not known: addresses and routes (ip); not looked for: loopback-from-lan',
    'not known: kernel settings (sysctl); not looked for: loopback-from-lan',
  ],
};

export const report: Report = { hosts: [node1], broken: [], fleet: [] };

/** Every string is out to be something else than text: markup, a sequence for the terminal, the end of what it is in. */
export const evil = [
  '</title></svg></style></script><script>globalThis.hit=1</script><img src="//evil.example/x" onerror="globalThis.hit=1">',
  '"onmouseover="globalThis.hit=1" x=\'y\' &amp; & <!-- ]]> -->',
  '\u001b[31mred\u001b[0m\u001b]0;title\u0007\u0000\u0008\u009b2J\u202egnp.exe',
  '`` ``` ~~~~ | pipe | **bold** __x__ [a](javascript:alert(1)) ![i](//evil.example/i.png) @all #1 <details> $x$ \\',
  'two\nlines\r\n- item\n## heading\n| a |\n```\nfence\n</details>',
  '\ud800 lone \uffff \ufffe end',
  '${x} $(reboot) `reboot` ; reboot \' " \\',
] as const;

const all = evil.join(' ');

export const hostile: HostReport = {
  ...node1,
  name: all,
  files: evil,
  engine: { version: all, swarm: all, backend: all },
  era: all,
  ladder: [{ hook: 'input', rungs: [rung(0, all, all, { owner: all, family: 'inet' })] }],
  overlays: [{ family: 'ip', port: 4789, vni: 4097, network: all, mark: 1, accept: 0, drop: 0, guard: false }],
  exposure: evil.map((text, index) => ({ family: 'ip', protocol: text, port: index + 1, kind: 'published', address: text, behind: text, reach: { anywhere: 'open', network: 'closed', containers: 'unknown', host: 'open' } })), // prettier-ignore
  findings: evil.map((text, index) =>
    findingOf(declared[index % declared.length]?.code ?? '', {
      subject: text,
      what: text,
      means: text,
      title: text,
      references: [text],
      evidence: [{ file: text, line: index, text, note: text }],
      witness: { ...clear, packet: text, verdict: text, trace: text.split('\n') },
      fix: [{ what: text, commands: [text] }],
      ...(index % 2 === 0 ? {} : { accepted: { reason: text } }),
    }),
  ),
  left: [{ code: 'loopback-from-lan', because: evil }],
  lacks: evil,
};

export const hostileReport: Report = {
  hosts: [hostile],
  broken: [{ name: all, files: evil, why: all }],
  fleet: hostile.findings,
  baseline: { file: all, stale: [{ file: all, line: 3, code: all, subject: all, host: all }] },
};

const other = (name: string, kept: readonly number[], more: Partial<HostReport> = {}): HostReport => ({
  ...node1,
  name,
  files: [`${name}.json`],
  findings: node1.findings.filter((_, index) => kept.includes(index)),
  ...more,
});

/** A Swarm of several, one of them broken, one clean, one of which little is known. */
export const fleetReport: Report = {
  hosts: [
    node1,
    other('node2', [1, 4], { era: '17.03.0 to 18.03.0', overlays: node1.overlays.slice(0, 2).map((row) => ({ ...row, mark: 0, guard: false, clear: 'accept' })) }), // prettier-ignore
    other('node3.of-a-very-long-domain-name.example.net', [], {
      left: [],
      lacks: [],
      overlays: [node1.overlays[1] as never],
    }),
    other('rules-only', [5], { kind: 'rules', looked: ['rule-shadowed'], ladder: [], overlays: [], exposure: [] }),
  ],
  broken: [{ name: 'node5', files: ['node5.json'], why: 'the file is no JSON: it ends early' }],
  fleet: [
    findingOf('overlay-mark-missing', {
      subject: 'VNI 4097 (0x1001), port 4789',
      what: 'VNI 4097 (0x1001) has a rule to encrypt it on node1, and none on node2.',
      means: 'What node2 sends to the others of this network goes in clear.',
      evidence: [{ file: 'node1.json', line: 40, text: '-A OUTPUT -p udp --dport 4789 -j MARK --set-xmark 0xd0c4e3', note: 'node1 has it' }], // prettier-ignore
    }),
  ],
  baseline: { file: 'known.yaml', stale: [{ file: 'known.yaml', line: 7, code: 'mixed-backends', subject: 'IPv6', host: 'node2' }] }, // prettier-ignore
};

export const setting: Setting = { version: '0.2.0', declared, brush: plainBrush };

export const whole = (chunks: Iterable<string>): string => [...chunks].join('');
