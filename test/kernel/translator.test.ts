// The table of what the stock translators do wrong, against the real iptables-restore-translate and the real nft: rules
// that the table calls lost come out as comments and no others, rules that it calls refused are refused, and rules that
// it calls changed differ by proof from what nft lists, and no others.
//
// DNFW_TEST_TRANSLATOR is the root folder of another system, whose program is run there (chroot); together with
// DNFW_TEST_NFT the same tests run on newer versions.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TranslatorVersion, translatorVersions } from '../../src/audit/translator/fault.ts';
import { faults, faultsOf } from '../../src/audit/translator/faults.ts';
import { saidRule } from '../../src/audit/translator/said.ts';
import { registry } from '../../src/extensions/registry.ts';
import { printRule } from '../../src/iptables/print.ts';
import { parse } from '../../src/iptables/parse.ts';
import { everyAssumption } from '../../src/packet/assumption.ts';
import { printPacket } from '../../src/packet/wordprint.ts';
import { check } from '../../src/prove/check.ts';
import { programOf, readRuleset } from '../../src/simulate/rulesets.ts';
import { type Case, caseInput, readBooks } from '../book.ts';
import { jsonOf, type Loaded, loadUnits } from './nft.ts';
import { examples, exceptions, unmodelled } from './translator-examples.ts';

const root = process.env['DNFW_TEST_TRANSLATOR'] ?? '';
const folder = mkdtempSync(join(root === '' ? tmpdir() : join(root, 'tmp'), 'dnfw-translator-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (program: string, args: readonly string[]) => {
  const command = root === '' ? [program, ...args] : ['chroot', root, `/usr/sbin/${program}`, ...args];
  return spawnSync(command[0] as string, command.slice(1), { encoding: 'utf8' });
};

const told = /v(\d+\.\d+\.\d+)/.exec(run('iptables-restore-translate', ['--version']).stdout)?.[1];
/** Releases between the two do as the older one until it is known otherwise. */
const version: TranslatorVersion = translatorVersions.find((one) => one === told) ?? '1.8.9';

type Kind = 'stops' | 'lost' | 'refused' | 'changed' | 'same' | 'unknown';

interface Trial {
  readonly one: Case;
  /** As iptables-save prints it: what the translators are given on a host. */
  readonly text: string;
  readonly input: string;
}

const steps = join(import.meta.dirname, '../data/steps');
const captures = readdirSync(steps).flatMap((engine) => readdirSync(join(steps, engine)).filter((name) => name.endsWith('iptables-save')).map((name) => join(steps, engine, name))); // prettier-ignore

/** A rule that accepts shows only where the policy does not. */
const inputOf = (one: Case): string =>
  / -j ACCEPT/.test(one.rule) ? caseInput(one).replaceAll(' ACCEPT [0:0]', ' DROP [0:0]') : caseInput(one);

const trialOf = (one: Case): Trial[] => {
  const family = one.family ?? 'ip';
  const { value } = parse([{ name: 'case', text: caseInput(one) }], registry, {
    format: 'save',
    family,
    backend: 'nft',
  });
  const rules = value.tables.flatMap(({ chains }) =>
    chains.flatMap((chain) => chain.rules.map((rule) => ({ chain, rule }))),
  );
  const [first] = rules;
  if (!first || rules.length !== 1) return [];
  const text = printRule(first.rule, family, registry);
  return [{ one, text, input: inputOf({ ...one, rule: `-A ${first.chain.name} ${text}` }) }];
};

const trials = [
  ...readBooks()
    .flatMap(({ cases }) => cases)
    .filter((one) => !one.error && one.iptables !== 'refuses'),
  ...examples,
].flatMap(trialOf);

interface Came {
  readonly kind: Kind;
  readonly lines: readonly string[];
  readonly why: string;
}

const translateOne = ({ one, input }: Trial): Came => {
  const file = join(folder, 'in');
  writeFileSync(file, input);
  const program = one.family === 'ip6' ? 'ip6tables-restore-translate' : 'iptables-restore-translate';
  const { status, stdout, stderr } = run(program, ['-f', root === '' ? file : file.slice(root.length)]);
  const lines = stdout.split('\n').filter((line) => line !== '' && !/^# (?:Translated|Completed)/.test(line));
  if (status !== 0) return { kind: 'stops', lines, why: stderr };
  return { kind: lines.some((line) => line.startsWith('# -t ')) ? 'lost' : 'same', lines, why: '' };
};

const compared = ({ one, input }: Trial, came: Came, { error, listing }: Loaded): Came => {
  const family = one.family ?? 'ip';
  if (came.kind !== 'same') return came;
  if (error !== '') return { ...came, kind: 'refused', why: error };
  const before = readRuleset({ name: 'before', text: input }, { from: 'save', family, backend: 'nft' }).value;
  const after = readRuleset({ name: 'after', text: jsonOf([...listing.values()].flat()) }, {}).value;
  const { verdict, hooks } = check([[programOf(before, family), programOf(after, family)]], {
    assume: everyAssumption,
    budget: 3_000_000,
    witnesses: 1,
  });
  const shown = hooks.flatMap(({ hook, reasons, witnesses }) => [
    ...reasons,
    ...witnesses.map(({ packet, a, b }) => `${printPacket(packet, hook)}: ${a.ending.kind}, then ${b.ending.kind}`),
  ]);
  // The prover sees a difference on packets that no simulator can be given as bytes.
  const isDifferent = verdict === 'refuted' || shown.some((line) => line.startsWith('the rules differ'));
  const kind = verdict === 'proven' ? 'same' : isDifferent ? 'changed' : 'unknown';
  return { ...came, kind, why: [...new Set(shown)].join('\n') };
};

const came = new Map<Trial, Came>();

beforeAll(() => {
  const written = trials.map(translateOne);
  const units = trials.map(({ one }, index) => {
    const { kind, lines } = written[index] as Came;
    const head = `${one.family ?? 'ip'} ${one.table ?? 'filter'}`;
    const renamed = head.replace(' ', ` c${index}-`);
    const text = lines.map((line) => line.replace(/^(add (?:table|chain|rule|set)) (\S+ \S+)/, (whole, verb: string, table: string) => table === head ? `${verb} ${renamed}` : whole)); // prettier-ignore
    return { prefix: `c${index}-`, body: kind === 'same' ? `${text.join('\n')}\n` : '' };
  });
  const loaded = loadUnits(units, 'text');
  for (const [index, trial] of trials.entries())
    came.set(trial, compared(trial, written[index] as Came, loaded[index] as Loaded));
}, 600_000);

const wantedOf = ({ one, text }: Trial): { readonly kind: Kind; readonly ids: readonly string[] } => {
  const found = faultsOf(saidRule(text, one.family ?? 'ip', one.table ?? 'filter'), version);
  const is = (...effects: readonly string[]): boolean => found.some(({ effect }) => effects.includes(effect));
  const kind = is('lost') ? 'lost' : is('refused', 'injection') ? 'refused' : found.length > 0 ? 'changed' : 'same';
  return { kind, ids: found.map(({ id }) => id) };
};

const isException = ({ one }: Trial, kind: Kind): boolean =>
  exceptions.some(
    (exception) =>
      exception.came === kind && exception.rule.test(one.rule) && (exception.version ?? version) === version,
  );

describe(`iptables-restore-translate ${told ?? '(missing)'}`, () => {
  it('is there', () => expect(told).toBeDefined());

  it.each(trials.map((trial) => [`${trial.one.family ?? 'ip'} ${trial.one.rule}`, trial] as const))(
    '%s',
    (_, trial) => {
      const { kind, lines, why } = came.get(trial) as Came;
      // An extension that dnfw has no model of.
      if (kind === 'unknown' && why.startsWith('a: ')) return;
      if (isException(trial, kind)) return;
      const wanted = wantedOf(trial);
      // What came out is said where it is not as wanted.
      const seen = kind === wanted.kind ? {} : { line: lines.at(-1), why };
      expect({ kind, ids: wanted.ids, ...seen }).toEqual(wanted);
    },
  );

  it.each(captures)('loses of %s what the table says', (path) => {
    const text = readFileSync(path, 'utf8');
    const { value } = parse([{ name: basename(path), text }], registry, {
      format: 'save',
      family: 'ip',
      backend: 'nft',
    });
    const wanted = value.tables.flatMap((table) =>
      table.chains.flatMap(({ name, rules }) =>
        rules.flatMap((rule) => {
          const found = faultsOf(saidRule(printRule(rule, 'ip', registry), 'ip', table.name), version);
          return found.some(({ effect }) => effect === 'lost') ? [`-t ${table.name} -A ${name}`] : [];
        }),
      ),
    );
    const file = join(folder, 'capture');
    writeFileSync(file, text);
    const { status, stdout } = run('iptables-restore-translate', ['-f', root === '' ? file : file.slice(root.length)]);
    expect(status).toBe(0);
    const lost = stdout.split('\n').flatMap((line) => /^# (-t \S+ -A \S+) /.exec(line)?.[1] ?? []);
    expect(lost.toSorted()).toEqual(wanted.toSorted());
  });

  it('every fault has an example that shows it', () => {
    const shown = new Set(trials.flatMap((trial) => wantedOf(trial).ids));
    const own = faults.filter(({ versions }) => versions.includes(version)).map(({ id }) => id);
    expect(own.filter((id) => !shown.has(id) && !unmodelled.has(id))).toEqual([]);
  });
});
