// The text form against the JSON form: for a sample of everything that can be said, nft makes the same bytecode of both
// and lists the same ruleset.
import { beforeAll, describe, expect, it } from 'vitest';
import { add, deleteTable, table } from '../../src/nftables/build.ts';
import { printJson } from '../../src/nftables/print.ts';
import { printText } from '../../src/nftables/text.ts';
import type { ChainObject, Command } from '../../src/nftables/types.ts';
import type { FormSample, Place } from './form.ts';
import { matchForms } from './forms-match.ts';
import { queues, statementForms } from './forms-statement.ts';
import { inNamespace, nft, type Result } from './namespace.ts';
import { readListing } from './nft.ts';

const bases: Readonly<Record<Exclude<Place, 'plain'>, Pick<ChainObject, 'type' | 'hook' | 'prio'>>> = {
  raw: { type: 'filter', hook: 'prerouting', prio: -300 },
  prerouting: { type: 'filter', hook: 'prerouting', prio: -150 },
  input: { type: 'filter', hook: 'input', prio: 0 },
  forward: { type: 'filter', hook: 'forward', prio: 0 },
  output: { type: 'route', hook: 'output', prio: -150 },
  postrouting: { type: 'filter', hook: 'postrouting', prio: 50 },
  dnat: { type: 'nat', hook: 'prerouting', prio: -100 },
  redirect: { type: 'nat', hook: 'output', prio: -100 },
  snat: { type: 'nat', hook: 'postrouting', prio: 100 },
};

const forms = [...matchForms, ...statementForms];

/** The sample in a table of its own, which is made afresh, with what it may refer to. */
const commandsOf = ({ family, place, statements }: FormSample, index: number): readonly Command[] => {
  const own = table(family, `sample${index}`);
  const chain = (name: string, base: Partial<ChainObject> = {}): Command =>
    add({ chain: { family, table: own.name, name, ...base } });
  const helper = { family, table: own.name, name: 'ftp-1', type: 'ftp', protocol: 'tcp', l3proto: 'ip' } as const;
  return [
    add({ table: own }),
    deleteTable(own),
    add({ table: own }),
    ...(family === 'ip' ? [add({ 'ct helper': helper })] : []),
    chain('sample', place === 'plain' ? {} : { ...bases[place], policy: 'accept' }),
    chain('other'),
    add({ rule: { family, table: own.name, chain: 'sample', comment: `sample ${index}`, expr: statements } }),
  ];
};

interface Outcome {
  readonly error: string;
  readonly bytecode: string;
  readonly listing: unknown;
}
interface Compared {
  readonly json: Outcome;
  readonly text: Outcome;
  readonly printed: string;
}

const missing: Result = { status: -1, stdout: '{"nftables":[]}', stderr: 'nft did not run' };

const outcome = ({ status, stdout, stderr }: Result = missing, listed: Result = missing): Outcome => ({
  error: status === 0 && stderr === '' ? '' : `exit ${status}: ${stderr}`,
  // Tables, chains and helpers come in another order; the kernel does not mind.
  bytecode: stdout.replace(/^.*\(null\).*\n/gm, ''),
  listing: [...readListing(listed.stdout)],
});

const compare = (documents: readonly (readonly Command[])[]): readonly Compared[] => {
  const texts = documents.map((commands) => {
    const { chunks, refusals } = printText(commands);
    expect(refusals).toEqual([]);
    return chunks.join('');
  });
  const list = nft('-j list ruleset');
  const results = inNamespace(
    documents.flatMap((commands, index) => [
      nft('flush ruleset'),
      nft('--debug=netlink -j -f -', printJson(commands).join('')),
      list,
      nft('flush ruleset'),
      nft('--debug=netlink -f -', texts[index] ?? ''),
      list,
    ]),
  );
  return documents.map((_, index) => {
    const [, json, fromJson, , text, fromText] = results.slice(6 * index, 6 * index + 6);
    return { json: outcome(json, fromJson), text: outcome(text, fromText), printed: texts[index] ?? '' };
  });
};

/** The line of the rule. */
const ruleOf = (text: string): string => text.split('\n').find((line) => line.includes('comment "sample')) ?? text;

describe('text and JSON', () => {
  const compared = new Map<number, Compared>();

  beforeAll(() => {
    // All in one transaction; only where that fails each alone, to say which sample it is.
    const documents = forms.map(commandsOf);
    const size = 100;
    for (let at = 0; at < documents.length; at += size) {
      const batch = documents.slice(at, at + size);
      const [whole] = compare([batch.flat()]);
      const isSame = whole?.json.error === '' && JSON.stringify(whole.json) === JSON.stringify(whole.text);
      const each = isSame ? batch.map(() => whole) : compare(batch);
      for (const [index, one] of each.entries()) compared.set(at + index, one);
    }
  });

  for (const [index, sample] of forms.entries()) {
    const statements = JSON.stringify(sample.statements).slice(0, 150);
    it(`${index} ${sample.family} ${statements}`, () => {
      const one = compared.get(index);
      const rule = ruleOf(one?.printed ?? '');
      expect({ rule, error: one?.json.error }).toEqual({ rule, error: '' });
      expect({ rule, ...one?.text }).toEqual({ rule, ...one?.json });
    });
  }

  it('queue', () => {
    for (const { json, text } of compare(queues.map(commandsOf))) {
      // The kernel may be built without nft_queue; nft has made its bytecode before it asks.
      expect(json.error).toMatch(/^$|No such file or directory/);
      expect(json.bytecode).toContain('queue');
      expect(text.bytecode).toEqual(json.bytecode);
      expect(text.listing).toEqual(json.listing);
    }
  });
});
