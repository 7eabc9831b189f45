import { describe, expect, it } from 'vitest';
import { errors, linesOf, read, rulesOf, tableOf, told } from './reading.ts';

const run = (text: string, options = {}) => read(text, { format: 'commands', ...options });

const builtIn = ['-P INPUT ACCEPT', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT'];
const filterOf = (text: string) => linesOf(tableOf(run(text), 'filter'));

describe('commands', () => {
  it('are applied in order to empty tables with their built-in chains', () => {
    const reading = run(
      [
        'iptables -P INPUT DROP', 'iptables -N X', 'iptables -A INPUT -j X', 'iptables -A X -i lo -j ACCEPT', 'iptables -I X -i eth0 -j DROP',
        'iptables -I X 2 -i eth1 -j DROP', 'iptables -R X 1 -i eth2 -j DROP', 'iptables -D X -i eth1 -j DROP', 'iptables -E X Y',
        'iptables -A FORWARD -j DROP', 'iptables -F FORWARD', 'iptables -Z', 'iptables -N Z', 'iptables -X Z',
      ].join('\n'), // prettier-ignore
    );
    expect(told(reading)).toEqual([]);
    expect(linesOf(tableOf(reading, 'filter'))).toEqual([
      '-P INPUT DROP', '-P FORWARD ACCEPT', '-P OUTPUT ACCEPT', '-N Y', '-A INPUT -j Y', '-A Y -i eth2 -j DROP', '-A Y -i lo -j ACCEPT',
    ]); // prettier-ignore
  });

  it('make the tables that they touch, whole', () => {
    const reading = run('iptables -t nat -F\nip6tables -t raw -A OUTPUT -j ACCEPT\n');
    expect(reading.value.tables.map(({ family, name, chains }) => [family, name, chains.length])).toEqual([
      ['ip', 'nat', 4],
      ['ip6', 'raw', 2],
    ]);
  });

  it('may be of any of the programs', () => {
    const backends = (text: string) =>
      read(text, { format: 'commands', backend: undefined as never }).value.tables.map(
        ({ family, backend }) => `${family} ${backend}`,
      );
    expect(backends('/sbin/iptables-nft -A INPUT -j DROP')).toEqual(['ip nft']);
    expect(backends('sudo -n /usr/sbin/ip6tables-legacy -A INPUT -j DROP')).toEqual(['ip6 legacy']);
    expect(backends('iptables -A INPUT -j DROP')).toEqual(['ip legacy']);
    expect(rulesOf(run('exec iptables -w 5 -A INPUT -j DROP; iptables -4 -A INPUT -j RETURN'))).toEqual([
      '-A INPUT -j DROP',
      '-A INPUT -j RETURN',
    ]);
  });

  it.each([
    ['iptables -A INPUT -m comment --comment \'a "b" $c\'', '-m comment --comment "a \\"b\\" $c"'],
    ['iptables -A INPUT -m comment --comment "a \\"b\\" \\$c"', '-m comment --comment "a \\"b\\" $c"'],
    ['iptables -A INPUT -m comment --comment a\\ b', '-m comment --comment "a b"'],
    ['iptables -A INPUT -m comment --comment a\'b\'"c"', '-m comment --comment abc'],
    ['iptables -A INPUT -m comment --comment a#b # comment', '-m comment --comment "a#b"'],
    ["iptables -A INPUT '!' -i lo -j DROP", '! -i lo -j DROP'],
    ['iptables -A INPUT \\! -i lo -j DROP', '! -i lo -j DROP'],
    ['iptables -A "INPUT" "-j" "DROP"', '-j DROP'],
    ['iptables -A INPUT \\\n  -i lo \\\r\n  -j DROP', '-i lo -j DROP'],
    ['true; iptables -A INPUT -j DROP', '-j DROP'],
    ['iptables -F && iptables -A INPUT -j DROP || iptables -A INPUT -j ACCEPT', '-j DROP'],
    ['iptables -A INPUT -j DROP 2>/dev/null >> log', '-j DROP'],
    ['iptables -A INPUT -j DROP &> /dev/null;', '-j DROP'],
    ['  iptables -A INPUT -j DROP', '-j DROP'],
  ])('%j', (text, rule) => {
    const reading = run(text);
    expect(errors(reading)).toEqual([]);
    expect(rulesOf(reading)).toEqual([`-A INPUT ${rule}`]);
  });

  it('see the values of variables that the script sets to literals', () => {
    const text = [
      'IPT=/sbin/iptables', 'WAN="eth0"', "export LAN='10.0.0.0/8'", 'BOTH="$WAN"', 'OPTS="-i eth1 -j DROP"', 'NONE=', 'WAIT="iptables -w"',
      '$IPT -A INPUT -i $WAN -s ${LAN} -j DROP', '"$IPT" -A INPUT -i "$BOTH" -j DROP', '$IPT -A INPUT $OPTS $NONE', '$WAIT -A INPUT -i x$WAN',
    ]; // prettier-ignore
    const reading = run(text.join('\n'));
    expect(told(reading)).toEqual([]);
    expect(rulesOf(reading)).toEqual([
      '-A INPUT -s 10.0.0.0/8 -i eth0 -j DROP',
      '-A INPUT -i eth0 -j DROP',
      '-A INPUT -i eth1 -j DROP',
      '-A INPUT -i xeth0',
    ]);
    expect(rulesOf(run('IPT=$(which iptables)\nIP6="`command -v ip6tables`"\n$IPT -A INPUT\n$IP6 -A OUTPUT'))).toEqual([
      '-A INPUT',
      '-A OUTPUT',
    ]);
  });

  it('that only look are left out', () => {
    expect(told(run('iptables -nvL\niptables -S\niptables -t nat -L PREROUTING --line-numbers\n'))).toEqual([
      'note unsupported-command 1:1 "iptables -nvL"',
    ]);
    expect(told(run('iptables --version\niptables -F'))).toEqual([
      'warning not-a-rule-command 1:1 "iptables --version"',
    ]);
  });
});

describe('commands that are meant to fail at times', () => {
  it('are excused by what follows them or by throwing away their messages', () => {
    for (const text of [
      'iptables -D INPUT -j DROP || true',
      'iptables -D INPUT -j DROP 2>/dev/null',
      'iptables -D INPUT -j DROP >/dev/null 2>&1',
      'iptables -D INPUT -j DROP &>/dev/null',
      'iptables -D INPUT -j DROP || :',
      'iptables -F FROB || true',
      'iptables -X FROB 2>/dev/null || true',
    ])
      expect(told(run(text)).map((one) => one.split(' ')[0])).toEqual(['note']);
    expect(filterOf('iptables -N X\niptables -N X 2>/dev/null || iptables -F X\n')).toEqual([...builtIn, '-N X']);
  });

  it('are errors otherwise', () => {
    expect(errors(run('iptables -D INPUT -j DROP'))).toEqual(['error no-such-rule 1:13 "INPUT"']);
    expect(errors(run('iptables -A FROB -j DROP || true'))).toEqual(['error unknown-chain 1:13 "FROB"']);
    expect(errors(run('iptables -D INPUT --frob || true'))).toEqual(['error unknown-option 1:19 "--frob"']);
  });

  it('decide about what follows them', () => {
    expect(rulesOf(run('iptables -C INPUT -j DROP 2>/dev/null || iptables -A INPUT -j DROP'))).toEqual([
      '-A INPUT -j DROP',
    ]);
    expect(rulesOf(run('iptables -A INPUT -j DROP\niptables -C INPUT -j DROP || iptables -A INPUT -j DROP'))).toEqual([
      '-A INPUT -j DROP',
    ]);
    expect(rulesOf(run('! iptables -C INPUT -j DROP && iptables -A INPUT -j DROP'))).toEqual(['-A INPUT -j DROP']);
    expect(rulesOf(run('iptables -nL X >/dev/null 2>&1 || iptables -N X; iptables -A X'))).toEqual(['-A X']);
    expect(
      rulesOf(run('true && iptables -A INPUT; false && iptables -A OUTPUT; false || iptables -A FORWARD')),
    ).toEqual(['-A INPUT', '-A FORWARD']);
  });
});

describe('other commands', () => {
  it('are left out with a warning for each line if they change no rules', () => {
    const text =
      '#!/bin/sh\nset -e\nsysctl -w net.ipv4.ip_forward=1; echo done\nipset create x hash:ip\necho 1 > /proc/sys/x\niptables -F\nexit 0\n';
    expect(told(run(text))).toEqual([
      'warning not-a-rule-command 2:1 "set -e"',
      'warning not-a-rule-command 3:1 "sysctl -w net.ipv4.ip_forward=1; echo done"',
      'warning not-a-rule-command 4:1 "ipset create x hash:ip"',
      'warning not-a-rule-command 5:1 "echo 1 > /proc/sys/x"',
      'warning not-a-rule-command 7:1 "exit 0"',
    ]);
  });

  it('are left out in blocks as well', () => {
    const text =
      'if [ "$EUID" -ne 0 ]; then\n  echo root\n  exit 1\nfi\nlog() { echo "$1"; }\nlog x\n[ -x /sbin/iptables ] || exit 1\niptables -F\n';
    expect(errors(run(text))).toEqual([]);
  });

  it('behind an exit do not count', () => {
    const reading = run('iptables -A INPUT -j DROP\nexit 0\niptables -F\n');
    expect(rulesOf(reading)).toEqual(['-A INPUT -j DROP']);
    expect(told(reading)).toEqual([
      'warning not-a-rule-command 2:1 "exit 0"',
      'warning not-a-rule-command 3:1 "iptables -F"',
    ]);
  });

  it.each([
    ['frob -x', 'error not-a-rule-command 1:1 "frob"'],
    ['. /etc/rc.firewall', 'error not-a-rule-command 1:1 "."'],
    ['ip netns exec x iptables -F', 'error not-a-rule-command 1:1 "ip"'],
    ['sudo -u root iptables -F', 'error not-a-rule-command 1:6 "-u"'],
    ['iptables-restore < rules', 'error unsupported-command 1:1 "iptables-restore < rules"'],
    [
      'iptables-restore <<EOF\n*filter\n-A INPUT -j DROP\nCOMMIT\nEOF',
      'error unsupported-command 1:1 "iptables-restore <<EOF"',
    ],
    ['iptables -t frob -F', 'error unknown-table 1:13 "frob"'],
    ['iptables -6 -A INPUT', 'error wrong-family 1:10 "-6"'],
    ['iptables', 'error bad-line 1:1 "iptables"'],
  ])('%j is refused', (text, problem) => {
    expect(errors(run(text))).toEqual([problem]);
  });
});

describe('what only a running shell knows', () => {
  it.each([
    ['iptables -A INPUT -i $WAN', '1:22 "$WAN"'],
    ['iptables -A INPUT -i "${WAN}"', '1:22 ""${WAN}""'],
    ['iptables -A INPUT -i ${WAN:-eth0}', '1:22 "${WAN:-eth0}"'],
    ['iptables -A INPUT -i $1', '1:22 "$1"'],
    ['iptables -A INPUT -s $(hostname -i)', '1:22 "$(hostname -i)"'],
    ['iptables -A INPUT -s `hostname -i`', '1:22 "`hostname -i`"'],
    ['X=$(hostname)\niptables -A INPUT -s $X', '2:22 "$X"'],
    ['X=1\nX+=2\niptables -A INPUT -s $X', '3:22 "$X"'],
    ['iptables -A INPUT -i eth*', '1:22 "eth*"'],
    ['iptables -A INPUT -i eth[01]', '1:22 "eth[01]"'],
    ['iptables -A INPUT -p udp --dport {53,54}', '1:34 "{53,54}"'],
    ['iptables -A INPUT -m comment --comment ~/x', '1:40 "~/x"'],
    ["iptables -A INPUT -m comment --comment $'x'", `1:40 "$'x'"`],
    ['$IPT -A INPUT', '1:1 "$IPT"'],
    ['for p in 1 2; do iptables -A INPUT -p $p; done', '1:1 "for"'],
    ['while read x; do iptables -A INPUT -s $x; done < file', '1:1 "while"'],
    ['if true; then\n  iptables -A INPUT\nfi', '1:1 "if"'],
    ['case $1 in\n  start) iptables -F;;\n  (stop) if true; then iptables -X; fi;;\nesac', '1:1 "case"'],
    ['( iptables -A INPUT )', '1:1 "("'],
    ['{ iptables -A INPUT; }', '1:1 "{"'],
    ['f() {\n  iptables -A INPUT\n}\nf', '4:1 "f"'],
    ['function f {\n  iptables -A INPUT\n}\nf x', '4:1 "f"'],
    ['iptables -A INPUT &', '1:1 "iptables -A INPUT"'],
    ['echo x | iptables -A INPUT', '1:10 "iptables -A INPUT"'],
    ['[ -f x ] && iptables -A INPUT', '1:13 "iptables -A INPUT"'],
    ['X=$(iptables -A INPUT)', '1:1 "X=$(iptables -A INPUT)"'],
    ['echo $(iptables -A INPUT)', '1:1 "echo $(iptables -A INPUT)"'],
    [';;', '1:1 ";;"'],
  ])('%j', (text, place) => {
    expect(errors(run(text))).toEqual([`error shell-construct ${place}`]);
  });

  it.each([
    ['iptables -A INPUT -m comment --comment "x', '1:40 """'],
    ["iptables -A INPUT\necho 'x\niptables -F", `2:6 "'"`],
    ['iptables -A INPUT -s $(x', '1:23 "("'],
    ['iptables -A INPUT -s `x', '1:22 "`"'],
    ['cat <<EOF\niptables -F\n', '1:10 ""'],
  ])('%j is never closed', (text, place) => {
    expect(errors(run(text))).toEqual([`error bad-quote ${place}`]);
  });

  it('does not matter in a function that nobody calls', () => {
    expect(told(run('f() {\n  iptables -A INPUT\n}\niptables -A OUTPUT\n'))).toEqual([]);
  });

  it('does not hide what stands behind it', () => {
    const reading = run(
      'for x in 1; do iptables -A INPUT; done\niptables -A OUTPUT --frob\nif x; then y; fi; iptables -A FORWARD -j DROP\n',
    );
    expect(errors(reading)).toEqual([
      'error shell-construct 1:1 "for"',
      'error unknown-option 2:20 "--frob"',
      'error shell-construct 3:1 "if"',
    ]);
    expect(rulesOf(reading)).toEqual(['-A FORWARD -j DROP']);
  });
});

describe('places', () => {
  it('are those of the line they are on', () => {
    expect(errors(run('iptables -A INPUT \\\n  -p udp \\\n  --dport 53x\n'))).toEqual(['error bad-value 3:11 "53x"']);
    expect(errors(run('iptables -A INPUT -j DROP; iptables -A INPUT -p udp --dport 65536\n'))).toEqual([
      'error value-out-of-range 1:61 "65536"',
    ]);
    expect(errors(run('P=65536\niptables -A INPUT -p udp --dport $P\n'))).toEqual([
      'error value-out-of-range 2:34 "$P"',
    ]);
    expect(errors(run('iptables -A INPUT -j FROB\n'))).toEqual(['error unknown-chain 1:22 "FROB"']);
  });
});
