import type { ListingReader } from '../../iptables/grammar.ts';
import { always } from '../../nftables/formula.ts';
import { bytecode, printProgram } from '../bpf/program.ts';
import { translateProgram } from '../bpf/execute.ts';
import { explainProgram } from '../bpf/explain.ts';
import { defineMatch, type MatchExtension, option, refused, translated } from '../contract.ts';
import { string } from '../value.ts';
import { unmodelled, yes } from '../../packet/condition.ts';
import { programCondition } from '../meaning.ts';
import { runProgram } from '../bpf/run.ts';
import { sameAsProgram } from '../bpf/same.ts';

/** `match bpf 6 0 0 1 `: the instructions without their number, glued to what stands before. */
const listing: ListingReader = (text) => {
  const pinned = /^match bpf pinned (\S+) ?/.exec(text);
  if (pinned) return { words: ['--object-pinned', pinned[1] ?? ''], length: pinned[0].length };
  const found = /^match bpf (\d+ \d+ \d+ \d+(?:,\d+ \d+ \d+ \d+)*) ?/.exec(text);
  if (!found) return undefined;
  const [whole, instructions = ''] = found;
  return {
    words: ['--bytecode', `${instructions.split(',').length},${instructions}`],
    length: whole.length,
    lost: ['the number of instructions is not listed and was counted'],
  };
};

export const bpf: MatchExtension = defineMatch({
  name: 'bpf',
  families: ['ip', 'ip6'],
  about: 'a classic BPF program that returns something other than 0',
  kernel: 'net/netfilter/xt_bpf.c, net/core/filter.c',
  support: 'partial',
  notes: [
    'Every way through the program to a match becomes a conjunction of nft tests; loads keep their width, so that truncated packets end it as they end the program.',
    'Loads relative to the IPv4 header length become the transport header of nft where no later fragment can meet the rule, or where another match of the rule or a test of the program itself takes care of them; otherwise each header length becomes a test of its own.',
    'The payload offset is known for UDP only, so the rule needs -p udp.',
    'Numbers that nft would have to compute are written out if they have at most 6 variable bits.',
    'Programs that are pinned in the BPF file system are refused: what they do is not in the rule.',
  ],
  listing,
  options: {
    bytecode: option({
      name: '--bytecode',
      value: bytecode,
      excludes: ['pinned'],
      about: 'the program as nfbpf_compile prints it',
    }),
    pinned: option({
      name: '--object-pinned',
      value: string(511, 'path'),
      about: 'a program that was loaded before and pinned in the BPF file system',
    }),
  },
  atLeastOne: ['bytecode', 'pinned'],
  translate: (info, context) => {
    if (info.pinned)
      return refused({
        code: 'external-state',
        option: 'pinned',
        what: `the program ${info.pinned.value} is not part of the ruleset`,
        why: 'a pinned object is eBPF in the kernel, and nftables has no expression that runs it',
        help: 'keep this rule in iptables',
      });
    if (!info.bytecode) return translated(always);
    const result = translateProgram(info.bytecode.value, context);
    if ('code' in result) return refused({ ...result, option: 'bytecode' });
    return translated(result.formula, { differences: result.differences });
  },
  meaning: ({ bytecode: given, pinned }, context) => {
    if (pinned) return { condition: unmodelled(`bpf: the pinned program ${pinned.value}`) };
    if (!given) return { condition: yes };
    const text = `bpf ${printProgram(given.value)}`;
    const { condition, onlyBytes, assumptions } = sameAsProgram(given.value, context);
    if (!onlyBytes) return { condition: condition ?? unmodelled(text) };
    const run = (bytes: Uint8Array): boolean => runProgram(given.value, bytes, context.family);
    return { condition: programCondition(text, run, condition, assumptions) };
  },
  program: ({ bytecode: given }, context) => (given ? explainProgram(given.value, context) : []),
});
