// The phrases of explanations: what a rule matches, what it does, what its programs do.
import { describe, expect, it } from 'vitest';
import type { Explanation } from '../../src/explain/explanation.ts';
import { wrapped } from '../../src/diagnostics/wrap.ts';
import { explainProgram } from '../../src/explain/programs.ts';
import { explainRules } from '../../src/explain/rules.ts';
import { registry } from '../../src/extensions/registry.ts';
import { readSingleRule } from '../../src/iptables/single.ts';
import type { Family } from '../../src/netfilter/family.ts';

const explain = (rule: string, family: Family = 'ip'): Explanation => {
  const { value, diagnostics } = readSingleRule(rule, registry, { backend: 'nft', family });
  expect(diagnostics).toEqual([]);
  const [found] = value ? explainRules({ tables: [value.table] }, registry) : [];
  if (!found) throw new Error(rule);
  return found;
};

describe('what a rule matches', () => {
  it.each([
    ['-A INPUT -j DROP', []],
    ['-A INPUT ! -i docker0 -j DROP', ['it did not come in through docker0']],
    ['-A FORWARD -o br-+ -j DROP', ['it leaves through a device whose name begins with br-']],
    ['-A INPUT -s 10.0.0.0/8 ! -d 192.0.2.1 -j DROP', ['the source address is in 10.0.0.0/8', 'the destination address is not 192.0.2.1']],
    ['-A INPUT -p tcp -m multiport --dports 22,80,443 -j DROP', ['the protocol is TCP', 'the TCP destination port is 22, 80 or 443']],
    ['-A INPUT -p icmp --icmp-type 3/4 -j DROP', ['the protocol is ICMP', 'the ICMP type is destination-unreachable (3) with code 4']],
    ['-A INPUT -m conntrack --ctstate NEW -j DROP', ['the connection state is new']],
    ['-A INPUT -m mark --mark 0x1 -j DROP', ['the mark is 0x1']],
    ['-A INPUT -m policy --dir in --pol none -j DROP', ['it did not come through IPsec']],
    ['-A INPUT -m addrtype --dst-type LOCAL -j DROP', ['the destination address is one of this host (type local)']],
    ['-A INPUT -f -j DROP', ['it is a later fragment']],
    ['-A INPUT ! -f -j DROP', ['it is not a later fragment']],
    ['-A INPUT -m limit --limit 3/min -j DROP', ['the rate limit of 3/minute with a burst of 5 is not used up']],
  ])('%s', (rule, matches) => {
    expect(explain(rule).matches).toEqual(matches);
  }); // prettier-ignore

  it.each([
    ['u32', '-m u32 --u32 "0x0>>0x16&0x3c@0xc&0xffffff00=0x100600"'],
    ['memshift', '-m bpf --bytecode "6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 1 0 1050112,6 0 0 0,6 0 0 4294967295"'],
    ['poff', '-m bpf --bytecode "7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 1 0 4102,6 0 0 0,6 0 0 4294967295"'],
  ])('names the network of the %s program', (_how, match) => {
    expect(explain(`-A INPUT -p udp ${match} -j DROP`).matches).toContain('the VXLAN network identifier (vni) is 4102 (0x1006)'); // prettier-ignore
  });

  it('says it where there is no model', () => {
    const { matches, edges, nft } = explain('-A INPUT -m time --timestart 10:00 -j DROP');
    expect(matches).toEqual(['what match time asks (dnfw has no model of it)']);
    expect(edges[0]?.short).toEqual(['not known: a part of the rule has no model']);
    expect(nft.statuses[0]?.status).toBe('refused');
  });
});

describe('what a rule does', () => {
  it.each([
    ['-A INPUT -j ACCEPT', /^accepts it: no further rule of table filter/],
    ['-A INPUT -j RETURN', /its policy decides/],
    ['-A mine -j RETURN', /goes back to the chain that called mine/],
    ['-A INPUT -j mine', /^goes on in chain mine; if nothing there decides/],
    ['-A INPUT -g mine', /does not come back/],
    ['-A INPUT', /^counts it and does nothing else/],
    ['-A INPUT -p tcp -j REJECT --reject-with tcp-reset', /^drops it and answers with tcp reset$/],
    ['-t mangle -A OUTPUT -j MARK --set-mark 13681891', /^sets the mark to 0xd0c4e3 \(13681891\)$/],
    ['-t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80', /^maps the destination of the connection to 172\.17\.0\.2:80 \(DNAT\)$/],
    ['-t nat -A POSTROUTING -j MASQUERADE', /\(masquerade\)$/],
    ['-A INPUT -j LOG --log-prefix "in: "', /^logs it to the kernel log, with the prefix "in: "$/],
    ['-t mangle -A PREROUTING -j CONNMARK --restore-mark', /^sets the mark from the connection mark/],
  ])('%s', (rule, words) => {
    expect(explain(rule).does[0]).toMatch(words);
  }); // prettier-ignore

  it('says that the next rule follows where it does', () => {
    expect(explain('-A INPUT -j LOG').does.at(-1)).toBe('then the next rule follows');
    expect(explain('-A INPUT -j DROP').does).toHaveLength(1);
  });
});

describe('fragments', () => {
  const fragments = (rule: string, family?: Family): string => explain(rule, family).edges[0]?.fragments.join('\n') ?? '';

  it('do not come to INPUT of IPv4', () => {
    expect(fragments('-A INPUT -p udp --dport 53 -j DROP')).toMatch(/before INPUT/);
    expect(fragments('-A INPUT -p udp --dport 53 -j DROP', 'ip6')).toMatch(/by chance/);
  });

  it('do not come where the rules turn connection tracking on', () => {
    expect(fragments('-A FORWARD -p udp --dport 53 -j DROP')).toMatch(/by chance/);
    expect(fragments('-A FORWARD -p udp --dport 53 -m conntrack --ctstate NEW -j DROP')).toMatch(/connection tracking on/);
  });
}); // prettier-ignore

describe('the steps of a program', () => {
  const stepsOf = (kind: 'u32' | 'bytecode', text: string): readonly (readonly [string, string])[] => {
    const { value, diagnostics } = explainProgram(kind, text, registry, { backends: ['nft'] });
    expect(diagnostics).toEqual([]);
    return value?.programs[0]?.lines.map(({ text: step, about }) => [step, about] as const) ?? [];
  };

  it('are named after the header fields that they read', () => {
    expect(stepsOf('u32', '6&0xff=17')).toEqual([
      [
        '0x6',
        'loads bytes 6 to 9 of the IPv4 header (ip dont-fragment, ip more-fragments, ip frag-off, ip ttl, ip protocol)',
      ],
      ['&0xff', 'leaves bits 24 to 31 of them (ip protocol)'],
      ['=0x11', 'holds for this number: ip protocol udp'],
      ['', 'Where a byte is not there, the program does not match.'],
    ]);
  });

  it('join tests by and', () => {
    const steps = stepsOf('u32', '0>>22&0x3C@0>>16=53,1024:65535&&0=1');
    expect(steps.map(([step]) => step)).toEqual(['0x0', '>>0x16&0x3c', '@0x0', '>>0x10', '=0x35,0x400:0xffff', '&&', '0x0', '=0x1', '']); // prettier-ignore
    expect(steps[4]?.[1]).toContain('udp sport 53');
  });

  it('say where a jump by other bits goes no further than is certain', () => {
    expect(stepsOf('u32', '0&0xf@4=1')[2]?.[1]).toBe('goes as many bytes on and loads bytes 4 to 7 from there');
  });

  it('of BPF follow the registers', () => {
    const steps = stepsOf('bytecode', '4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0');
    expect(steps[0]).toEqual(['0: ldb [9]', 'A = byte 9 of the IPv4 header (ip protocol)']);
    expect(steps[1]?.[1]).toBe('if A = 6 (0x6), that is ip protocol tcp: goes on at 2, otherwise at 3');
  });

  it('of BPF know negative offsets, and what is never reached', () => {
    const steps = stepsOf('bytecode', '4,40 0 0 4293918720,5 0 0 1,6 0 0 1,6 0 0 0');
    expect(steps[0]?.[1]).toContain('by the negative offset -1048576');
    expect(steps[2]?.[1]).toBe('is never reached');
  });

  it('of BPF forget a register where ways meet with different values', () => {
    // A is byte 0 on one way and byte 1 on the other: what is compared has no name.
    const steps = stepsOf('bytecode', '7,48 0 0 0,21 0 1 69,5 0 0 1,48 0 0 1,21 0 1 5,6 0 0 1,6 0 0 0');
    expect(steps[4]?.[1]).toBe('if A = 5 (0x5): goes on at 5, otherwise at 6');
  });

  it.each([
    ['u32', '0=', 'bad-value', 3],
    ['u32', '0<<99=1', 'value-out-of-range', 4],
    ['bytecode', '1,6 0 0', 'bad-value', 3],
    ['bytecode', '1,0 0 0 0', 'bpf-invalid', 3],
  ] as const)('are not said of %s %s', (kind, text, code, column) => {
    const { value, diagnostics } = explainProgram(kind, text, registry, { backends: ['nft'] });
    expect(value).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code, span: { file: `<--${kind}>`, line: 1, column, text } }]);
  });
});

describe('lines', () => {
  it('are at most 100 columns wide, whatever the words', () => {
    for (const length of [1, 50, 99, 100, 101, 350])
      for (const line of wrapped('head       ', 13, `${'x'.repeat(length)} and ${'y'.repeat(length)}`))
        expect(line.length).toBeLessThanOrEqual(100);
  });

  it('lose nothing but blanks at which they are broken', () => {
    const text = Array.from({ length: 80 }, (_, i) => `word${i}`).join(' ');
    expect(wrapped('', 2, text).join(' ').replaceAll(/\s+/g, ' ')).toBe(text);
  });
});
