import { describe, expect, it } from 'vitest';
import { errors, readRule, rulesOf } from './reading.ts';

/** What becomes of one rule: as it is printed again, or the errors with their places. */
const rule = (text: string, options = {}) => {
  const reading = readRule(`-A INPUT ${text}`, options);
  const wrong = errors(reading).map((one) => one.replace(/^error (\S+) 5:/, '$1 '));
  return wrong.length > 0 ? wrong : rulesOf(reading).map((one) => one.replace(/^-A INPUT ?/, ''));
};

describe('options of iptables itself', () => {
  it.each([
    ['-p tcp -j ACCEPT', '-p tcp -j ACCEPT'],
    ['-ptcp -jACCEPT', '-p tcp -j ACCEPT'],
    ['--protocol=tcp --jump=ACCEPT', '-p tcp -j ACCEPT'],
    ['--proto TCP', '-p tcp'],
    ['-p 6', '-p tcp'],
    ['-p all', ''],
    ['-p 0', ''],
    ['-s10.0.0.1', '-s 10.0.0.1/32'],
    ['--src 10.0.0.0/255.0.0.0', '-s 10.0.0.0/8'],
    ['-d 10.1.2.3/8', '-d 10.0.0.0/8'],
    ['-s 0.0.0.0/0 -j DROP', '-j DROP'],
    ['-d 10.0.0.1/255.0.0.255', '-d 10.0.0.1/255.0.0.255'],
    ['-i eth0 -o +', '-i eth0 -o +'],
    ['-i eth+', '-i eth+'],
    ['-f', '-f'],
    ['! -f', '! -f'],
    ['-w 5 -j ACCEPT', '-j ACCEPT'],
    ['-w -j ACCEPT', '-j ACCEPT'],
    ['-nv -j ACCEPT', '-j ACCEPT'],
    ['-vf -j ACCEPT', '-f -j ACCEPT'],
    ['--line-numbers -j ACCEPT', '-j ACCEPT'],
    ['-g X', undefined],
  ])('%s', (text, printed) => {
    expect(rule(text)).toEqual(printed === undefined ? ['unknown-chain 13 "X"'] : [printed]);
  });
});

describe('a !', () => {
  it.each([
    ['! -s 10.0.0.1', '! -s 10.0.0.1/32'],
    ['-s ! 10.0.0.1', '! -s 10.0.0.1/32'],
    ['! -i lo -p ! tcp', '! -i lo ! -p tcp'],
    ['-p udp -m udp ! --dport 53', '-p udp -m udp ! --dport 53'],
    ['-p udp -m udp --dport ! 53', '-p udp -m udp ! --dport 53'],
  ])('%s', (text, printed) => {
    expect(rule(text)).toEqual([printed]);
  });

  it.each([
    ['! -s ! 10.0.0.1', 'stray-inversion 15 "!"'],
    ['! ! -s 10.0.0.1', 'stray-inversion 12 "!"'],
    ['-j ACCEPT !', 'stray-inversion 20 "!"'],
    ['! -j ACCEPT', 'not-invertible 10 "!"'],
    ['! -m udp', 'not-invertible 10 "!"'],
    ['! -s 10.0.0.1,10.0.0.2', 'not-invertible 15 "10.0.0.1,10.0.0.2"'],
    ['-m comment ! --comment x', 'not-invertible 23 "--comment"'],
    ['-p udp -m udp ! --dport ! 53', 'stray-inversion 34 "!"'],
    ['! -p all', 'bad-value 15 "all"'],
  ])('%s is refused', (text, problem) => {
    expect(rule(text)).toEqual([problem]);
  });
});

describe('options of extensions', () => {
  it.each([
    ['-p udp --dport 53', '-p udp -m udp --dport 53'],
    ['-p udp --dport=53', '-p udp -m udp --dport 53'],
    ['-p udp -m udp --destination-port 53', '-p udp -m udp --dport 53'],
    ['-p udp -m udp --dp 53', '-p udp -m udp --dport 53'],
    ['-p udp -m udp --destination-p 53', '-p udp -m udp --dport 53'],
    ['-p udp -m udp --dport domain', '-p udp -m udp --dport 53'],
    ['-p udp -m udp --dport 53 -m udp --sport 54', '-p udp -m udp --dport 53 -m udp --sport 54'],
    ['-m comment --comment "-j DROP"', '-m comment --comment "-j DROP"'],
    ['-m comment --comment "!"', '-m comment --comment "!"'],
    ['-m comment --comment ""', '-m comment --comment ""'],
    ['-j ACCEPT -p udp -m udp --dport 53', '-p udp -m udp --dport 53 -j ACCEPT'],
    ['-m limit --limit 5/m', '-m limit --limit 5/min'],
  ])('%s', (text, printed) => {
    expect(rule(text)).toEqual([printed]);
  });

  it.each([
    ['--dport 53', 'unknown-option 10 "--dport"'],
    ['-p udp --frob', 'unknown-option 17 "--frob"'],
    ['-p udp -m udp --d 53', 'ambiguous-option 24 "--d"'],
    ['-p udp -m udp --dport', 'missing-value 24 "--dport"'],
    ['-p udp -m udp --dport 53 --dport 54', 'option-twice 35 "--dport"'],
    ['-p udp -m udp --dport 65536', 'value-out-of-range 32 "65536"'],
    ['-p udp -m udp --dport 53x', 'bad-value 32 "53x"'],
    ['-m udp --dport 53', 'needs-protocol 13 "udp"'],
    ['! -p udp -m udp --dport 53', 'needs-protocol 22 "udp"'],
    ['-p udp -m udp 53', 'bad-line 24 "53"'],
    ['-p udpp', 'bad-value 13 "udpp"'],
    ['-p 256', 'bad-value 13 "256"'],
    ['-s 10.0.0.256', 'bad-address 13 "10.0.0.256"'],
    ['-s 10.0.0.0/33', 'bad-address 13 "10.0.0.0/33"'],
    ['-s 10.0.0.1,10.0.0.x', 'host-name 22 "10.0.0.x"'],
    ['-s 10.0.0.1,10.0.0', 'bad-address 22 "10.0.0"'],
    ['-s localhost', 'host-name 13 "localhost"'],
    ['-s fe80::1', 'wrong-family 13 "fe80::1"'],
    ['-i abcdefghijklmnop', 'interface-name 13 "abcdefghijklmnop"'],
    ['-s 10.0.0.1 -s 10.0.0.2', 'option-twice 22 "-s"'],
    ['-j ACCEPT -j DROP', 'option-twice 20 "-j"'],
    ['-j', 'missing-value 10 "-j"'],
    ['-c 1 x -j ACCEPT', 'bad-counters 13 "1"'],
  ])('%s is refused', (text, problem) => {
    expect(rule(text)).toEqual([problem]);
  });

  it('are of one family', () => {
    expect(rule('-p icmp -m icmp --icmp-type 8', { family: 'ip6' })).toEqual(['wrong-family 21 "icmp"']);
    expect(rule('-f', { family: 'ip6' })).toEqual(['wrong-family 10 "-f"']);
    expect(rule('-s 10.0.0.1', { family: 'ip6' })).toEqual(['wrong-family 13 "10.0.0.1"']);
    expect(rule('-s ::ffff:10.0.0.1', { family: 'ip6' })).toEqual(['-s ::ffff:10.0.0.1/128']);
  });

  it('that nobody knows leave the rule to be refused as a whole', () => {
    const reading = readRule('-A INPUT -m frob --frob 1 ! --frobs x -j ACCEPT');
    expect(errors(reading)).toEqual([]);
    expect(reading.value.tables[0]?.chains[0]?.rules[0]?.unmodelled).toEqual({
      kind: 'match',
      name: 'frob',
      column: 13,
      length: 4,
    });
    expect(rulesOf(reading)).toEqual(['-A INPUT -m frob --frob 1 ! --frobs x -j ACCEPT']);
  });
});
