// Inputs that nobody wrote on purpose: random bytes, and outputs with lines cut, swapped, doubled and characters flipped.
import { readFileSync } from 'node:fs';
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isError } from '../../src/diagnostics/diagnostic.ts';
import { render } from '../../src/diagnostics/render.ts';
import { registry } from '../../src/extensions/registry.ts';
import { type Format, formats } from '../../src/iptables/detect.ts';
import { printRuleset } from '../../src/iptables/print.ts';
import { seed } from '../generate.ts';
import { type Read, read, rulesOf } from './reading.ts';

const file = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

const script = `#!/bin/sh
IPT="/sbin/iptables -w"; WAN='eth0'
$IPT -F; $IPT -X 2>/dev/null || true
$IPT -P INPUT DROP && echo "policy set" > /dev/null
$IPT -N LOGGED
$IPT -A INPUT -i lo -j ACCEPT  # loopback
$IPT -A INPUT -i \${WAN} -p tcp --dport 22 \\
  -m comment --comment 'ssh; "from" outside' -j LOGGED
$IPT -C INPUT -j DROP || $IPT -A INPUT -j DROP
if [ -x /bin/true ]; then echo $(date); fi
f() { echo "\${1:-x}" | cat <<EOF
text
EOF
}
ip6tables -t mangle -A PREROUTING -s fe80::/10 '!' -i $WAN -j MARK --set-mark 0x1
exit 0
`;

const originals: Readonly<Record<Format, readonly string[]>> = {
  save: ['docker-28.5.2', 'docker-20.10.24-ingress', 'operator-ufw'].flatMap((name) => {
    const expected = JSON.parse(file(`../../translations/rulesets/${name}/expected.json`)) as { files: string[] };
    return expected.files.map((one) => file(`../../translations/rulesets/${name}/${one}`));
  }),
  rules: [file('../data/docker-28.5.2.iptables-S'), file('../data/docker-20.10.5.iptables-S')],
  listing: [file('../data/docker-28.5.2.iptables-nvL'), file('../data/docker-20.10.5.iptables-nvL')],
  commands: [script],
};

type Mutation = (text: string) => string;

const at = (part: number, length: number): number => Math.min(length - 1, Math.floor(part * length));
const part = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

const onLines = (change: (lines: string[], i: number, j: number) => void): Arbitrary<Mutation> =>
  fc.tuple(part, part).map(([first, second]) => (text) => {
    const lines = text.split('\n');
    change(lines, at(first, lines.length), at(second, lines.length));
    return lines.join('\n');
  });

/** Characters that mean something to one of the readers. */
const telling = fc.constantFrom(...'"\'\\!-$`(){}[];&|<>#*:,/ \t\n\r\0é\u00a0\u2028AFDX019'.split(''));

const splice = (removed: number): Arbitrary<Mutation> =>
  fc.tuple(part, telling).map(([where, character]) => (text) => {
    const i = at(where, text.length);
    return `${text.slice(0, i)}${character}${text.slice(i + removed)}`;
  });

const mutation: Arbitrary<Mutation> = fc.oneof(
  splice(0),
  splice(1),
  part.map((where) => (text: string) => text.slice(0, at(where, text.length))),
  part.map((where) => (text: string) => text.slice(0, at(where, text.length)) + text.slice(at(where, text.length) + 1)),
  onLines((lines, i) => lines.splice(i, 1)),
  onLines((lines, i, j) => lines.splice(j, 0, lines[i] ?? '')),
  onLines((lines, i, j) => ([lines[i], lines[j]] = [lines[j] ?? '', lines[i] ?? ''])),
  onLines((lines, i) => (lines[i] = `${lines[i]}${lines.splice(i + 1, 1)[0] ?? ''}`)),
);

const mutated = (format: Format): Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...originals[format]), fc.array(mutation, { minLength: 1, maxLength: 4 }))
    .map(([text, mutations]) => mutations.reduce((changed, mutate) => mutate(changed), text));

const noise: Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.array(telling, { maxLength: 120 }).map((characters) => characters.join('')),
  fc
    .array(
      fc.constantFrom(
        '*filter', ':INPUT ACCEPT [0:0]', 'COMMIT', '-A INPUT', '-j', 'ACCEPT', '-m', 'udp', '--dport', '53', '!', '-p', '-s', '10.0.0.0/8', '\n', ' ',
        'Chain INPUT (policy ACCEPT 0 packets, 0 bytes)', ' pkts bytes target     prot opt in     out     source               destination',
        '    0     0 ACCEPT     udp  --  *      *       0.0.0.0/0            0.0.0.0/0            ', 'iptables', '$X', 'X=1', '"', "'", '||', 'if', 'fi', '<<', 'EOF',
      ), // prettier-ignore
      { maxLength: 60 },
    )
    .map((pieces) => pieces.join(' ')),
);

/** What holds for every text: the reader comes back, its places exist, and what it could read it reads again. */
const check = (text: string, format?: Format): Read => {
  const reading = read(text, format ? { format } : {});
  for (const diagnostic of reading.diagnostics) {
    const { span } = diagnostic;
    if (span) {
      expect(span.line).toBeGreaterThan(0);
      expect(span.column).toBeGreaterThan(0);
      expect(span.length).toBeGreaterThan(0);
      expect(span.column).toBeLessThanOrEqual(span.text.length + 1);
    }
    expect(render(diagnostic)).not.toBe('');
  }
  if (!reading.diagnostics.some(isError)) {
    const printed = printRuleset(reading.value, registry, { counters: true });
    const again = read(printed, { format: 'save' });
    expect(again.diagnostics.filter(isError)).toEqual([]);
    expect(printRuleset(again.value, registry, { counters: true })).toBe(printed);
  }
  return reading;
};

const runs = { seed, numRuns: 400 };

describe('any text', () => {
  it.each(formats)('as %s: is read or refused', (format) => {
    fc.assert(
      fc.property(noise, (text) => {
        check(text, format);
      }),
      runs,
    );
  });

  it('is told its format or refused', () => {
    fc.assert(
      fc.property(noise, (text) => {
        check(text);
      }),
      runs,
    );
  });
});

describe('a mutated output', () => {
  it.each(formats)('of format %s: is read or refused', (format) => {
    fc.assert(
      fc.property(mutated(format), (text) => {
        check(text, format);
        check(text);
      }),
      runs,
    );
  });

  /** How many rules the lines of a dump or of iptables -S are; undefined where they do more than append. */
  const expectedRules = (text: string): number | undefined => {
    let count = 0;
    for (const line of text.split('\n')) {
      const found = /^(?:\[\d+:\d+\])?\s*-(\S+)(.*)/s.exec(line);
      if (!found) continue;
      if (!/^A|^-append/.test(found[1] ?? '') || / -[46]|,/.test(found[2] ?? '')) return undefined;
      count++;
    }
    return count;
  };

  it('of iptables-save loses no rule without an error', () => {
    fc.assert(
      fc.property(mutated('save'), (text) => {
        const reading = read(text, { format: 'save' });
        const expected = expectedRules(text);
        if (expected !== undefined && !reading.diagnostics.some(isError))
          expect(rulesOf(reading)).toHaveLength(expected);
      }),
      { ...runs, numRuns: 1000 },
    );
  });

  it('of iptables -nvL loses no rule without an error', () => {
    fc.assert(
      fc.property(mutated('listing'), (text) => {
        const reading = read(text, { format: 'listing' });
        const rows = text.split('\n').filter((line) => /^ *\d+ +\d+ /.test(line));
        if (!reading.diagnostics.some(isError)) expect(rulesOf(reading)).toHaveLength(rows.length);
      }),
      { ...runs, numRuns: 1000 },
    );
  });
});

describe('large and deep texts', () => {
  const size = 20_000;
  const rule = '-A INPUT -p udp -m udp --dport 53 -j ACCEPT';
  it.each<readonly [string, Format, string]>([
    ['many tables', 'save', '*filter\n'.repeat(size)],
    ['many lines outside of tables', 'save', 'x\n'.repeat(size)],
    ['many open quotes', 'save', `*filter\n${`-A INPUT -m comment --comment "x\ny\n`.repeat(size)}COMMIT\n`],
    ['one long line', 'save', `*filter\n-A INPUT ${'-p udp '.repeat(size)}\nCOMMIT\n`],
    ['one long word', 'save', `*filter\n-A INPUT -s ${'1,'.repeat(size)}\nCOMMIT\n`],
    ['many deletions', 'save', `*filter\n${`${rule}\n-D INPUT 1\n`.repeat(size)}COMMIT\n`],
    ['many insertions', 'save', `*filter\n${`${rule.replace('-A', '-I')}\n`.repeat(size)}COMMIT\n`],
    [
      'many chains in a row',
      'save',
      `*filter\n${Array.from({ length: size }, (_, i) => `:C${i} - [0:0]\n-A C${i} -j C${i + 1}\n`).join('')}:C${size} - [0:0]\nCOMMIT\n`,
    ],
    ['many policies', 'rules', '-P INPUT ACCEPT\n-N X\n'.repeat(size)],
    ['a quotation of quotations', 'rules', `${'> '.repeat(size)}x\n-P INPUT ACCEPT\n`],
    ['many titles', 'listing', 'Chain INPUT (policy ACCEPT)\n'.repeat(size)],
    [
      'a row of many parts',
      'listing',
      `Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n 0 0 ACCEPT udp -- * * 0.0.0.0/0 0.0.0.0/0 ${'udp '.repeat(size)}x\n`,
    ],
    [
      'a row of many blanks',
      'listing',
      `Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source               destination\n 0 0 ACCEPT udp -- * * 0.0.0.0/0 0.0.0.0/0${' '.repeat(size)}x${' '.repeat(size)}\n`,
    ],
    ['open brackets', 'commands', `iptables -A INPUT -s ${'$('.repeat(size)}`],
    ['nested blocks', 'commands', `${'if x; then '.repeat(size)}\n`],
    ['many here-documents', 'commands', `cat ${'<<E '.repeat(size)}\n${'E\n'.repeat(size)}iptables -F\n`],
    ['doubling variables', 'commands', `A=xxxxxxxxxx\n${'A=$A$A\n'.repeat(40)}iptables -A INPUT -i $A\n`],
    ['many commands', 'commands', `iptables ${rule}\n`.repeat(size)],
  ])('%s: come to an end soon', (_, format, text) => {
    const start = performance.now();
    const { diagnostics } = read(text, { format, family: 'ip' });
    for (const diagnostic of diagnostics.slice(0, 100)) render(diagnostic);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
