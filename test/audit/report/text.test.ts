// Text: narrow enough, nothing that a terminal obeys, everything in it, and commands that a shell reads as they were.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visible } from '../../../src/diagnostics/render.ts';
import { jobs, severities } from '../../../src/audit/finding.ts';
import type { Brush } from '../../../src/audit/report/format.ts';
import { folded, quoted } from '../../../src/audit/report/shell.ts';
import { colours, text } from '../../../src/audit/report/text.ts';
import { jobTitles, simulateCommand } from '../../../src/audit/report/words.ts';
import { evil, fleetReport, hostileReport, node1, report, setting, whole } from './fixture.ts';
import { anyReport } from './strings.ts';

const printed = whole(text(report, setting));
const lines = printed.trimEnd().split('\n');

/** The words of a text, wherever its lines end. */
const flat = (some: string): string => some.replaceAll(/\s+/g, ' ');

/** Nothing but a line's end is a control character. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/** Lines that are too long, but for words of a command, which cannot be cut. */
const tooLong = (some: string): readonly string[] =>
  some.split('\n').filter((line) => line.length > 100 && !line.startsWith(' '.repeat(12)));

describe('text', () => {
  it('has every part of every finding', () => {
    const all = flat(printed);
    for (const { title, subject, what, means, evidence, fix, accepted, references, severity } of node1.findings) {
      expect(printed).toContain(`${accepted ? 'ACCEPTED' : severity.toUpperCase()}  ${title}`);
      for (const part of [subject, what, means, ...references]) expect(all).toContain(part);
      for (const { file, line, text: rule, note } of evidence) {
        expect(all).toContain(line === 0 ? file : `${file}:${line} ${note} ${rule}`);
      }
      for (const { what: how } of fix) expect(all).toContain(`${how}:`);
      if (accepted) expect(all).toContain(`because ${accepted.reason}`);
    }
    for (const lack of node1.lacks) expect(all).toContain(lack);
  });

  it('goes by jobs in their order', () => {
    const titles = jobs.map((job) => jobTitles[job]).filter((title) => lines.includes(title));
    expect(titles).toHaveLength(5);
    expect(lines.filter((line) => titles.includes(line))).toEqual(titles);
  });

  it('begins with the host, and ends with the next command', () => {
    expect(lines.slice(0, 6).join(' ')).toMatch(/^node1 .*Docker Engine 28\.5\.2, Swarm manager.*2 high, 2 low, 1 info; 1 accepted/); // prettier-ignore
    expect(lines.at(-1)).toBe('next: dnfw audit --explain published-past-input');
    const clean = { ...node1, findings: [], lacks: [] };
    expect(whole(text({ ...report, hosts: [clean] }, setting))).toMatch(/no findings\n\nnext: dnfw status\n$/);
    expect(whole(text({ ...report, hosts: [{ ...clean, lacks: ['x'] }] }, setting))).toMatch(/next: sudo dnfw capture -o HOST\.json\n$/); // prettier-ignore
  });

  it('takes at most 100 columns', () => {
    for (const one of [report, fleetReport, hostileReport]) expect(tooLong(whole(text(one, setting)))).toEqual([]);
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
  });

  it('lets no control character through, and stays narrow, whatever is in it', () => {
    for (const one of [hostileReport, ...fc.sample(anyReport, 60)]) {
      const some = whole(text(one, setting));
      expect(control.test(some)).toBe(false);
      expect(tooLong(some)).toEqual([]);
    }
  });

  it('says the same with and without colours', () => {
    const seen = new Set<string>();
    const brush: Brush = (style, part) => {
      seen.add(style);
      return part === '' ? '' : `\u001b[${colours[style]}m${part}\u001b[0m`;
    };
    const coloured = whole(text(fleetReport, { ...setting, brush }));
    // oxlint-disable-next-line no-control-regex -- colours are taken away
    expect(coloured.replaceAll(/\u001b\[[\d;]*m/g, '')).toBe(whole(text(fleetReport, setting)));
    expect([...seen].toSorted()).toEqual([...severities.filter((one) => one !== 'medium'), 'faint', 'strong'].toSorted()); // prettier-ignore
  });
});

describe('text of several hosts', () => {
  const several = whole(text(fleetReport, setting)).split('\n');

  it('begins with hosts by findings', () => {
    expect(several[0]).toBe('4 hosts audited, 1 not');
    const rows = Object.fromEntries(
      several.flatMap((line) => {
        const row = /^(node\S*|rules-only) +((?:[CHMLia.?] *)+)$/.exec(line);
        return row ? [[row[1] ?? '', (row[2] ?? '').replaceAll(' ', '')]] : [];
      }),
    );
    expect(rows).toEqual({ node1: 'HHaLL', node2: '.H..L', 'node3.of-a-very-long-domain-name.exampl…': '.....', 'rules-only': '????i' }); // prettier-ignore
  });

  it('has those that could not be read, what all show together, and what can go of the baseline', () => {
    const all = flat(several.join('\n'));
    expect(all).toContain('node5: the file is no JSON: it ends early');
    expect(all).toContain('All hosts together');
    expect(all).toContain('known.yaml:7: mixed-backends, IPv6 on node2');
    expect(several.findIndex((line) => line.startsWith('CRITICAL'))).toBeLessThan(
      several.findIndex((line) => line.startsWith('====')),
    );
  });

  it('splits columns into bands where there are many', () => {
    const findings = Array.from({ length: 60 }, (_, index) => ({
      ...(node1.findings[0] as (typeof node1.findings)[number]),
      code: `code-${index}`,
    }));
    const many = whole(text({ ...fleetReport, hosts: [{ ...node1, findings }, node1] }, setting));
    expect(tooLong(many)).toEqual([]);
    expect(many).toMatch(/^ {2}60 {2}high: code-\d+: /m);
  });
});

/** The words that bash makes of a command. */
const argv = (command: string): readonly string[] => {
  const { stdout, status, stderr } = spawnSync('bash', ['-c', `set -- ${command}\nprintf '%s\\0' "$@"`], { encoding: 'utf8' }); // prettier-ignore
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.split('\0').slice(0, -1);
};

describe('commands', () => {
  const commands = node1.findings.flatMap(({ fix }) => fix.flatMap((one) => one.commands));

  it.each(commands)('folded, are what they were: %s', (command) => {
    for (const width of [40, 60, 88]) {
      const some = folded(command, width);
      expect(argv(some.join('\n'))).toEqual(argv(command));
      if (width === 88) expect(some.filter((line) => line.length > width)).toEqual([]);
    }
  });

  it('of packets may be cut inside the packet', () => {
    const witness = node1.findings[1]?.witness;
    if (!witness) throw new Error('the fixture has a packet there');
    const some = folded(simulateCommand(node1.files, witness, 'node1'), 88);
    expect(some.length).toBeGreaterThan(1);
    const words = argv(some.join('\n'));
    expect(words.slice(0, 5)).toEqual(['dnfw', 'simulate', ...node1.files, '--packet']);
    expect(words[5]?.split(/\s+/)).toEqual(witness.packet.split(' '));
  });

  it('keep any text in quotes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...evil), fc.string()), (word) => {
        expect(argv(quoted(word))).toEqual([visible(word).replaceAll(/\p{Surrogate}/gu, '\ufffd')]);
      }),
      { numRuns: 40 },
    );
  });
});
