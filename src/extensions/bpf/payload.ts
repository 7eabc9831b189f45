/** The payload offset that `ld [payload offset]` asks the flow dissector for (net/core/flow_dissector.c skb_get_poff). */
import { udp } from '../../netfilter/protocols.ts';
import type { Difference, RuleContext } from '../contract.ts';
import { type Header, isWhole, transportLoads } from '../header.ts';
import { type Path, withConstraint } from '../path.ts';
import type { Ranges } from '../ranges.ts';
import { type Constant, constant, constrain, type Load, type Value, type Word, loaded, operate } from '../word.ts';

export interface Offset {
  readonly value: Constant | Header;
  readonly path: Path;
}

export interface Unknown {
  readonly why: string;
  readonly help?: string;
}

const udpHeader = 8;

const bits = (load: Load, mask: number): Word => operate(loaded(load), 'and', mask) as Word;

const firstByte: Load = { base: 'nh', offset: 0, size: 1 };
const lengthNibble = bits(firstByte, 0x0f);
const headerLength = operate(lengthNibble, 'shl', 2) as Word;
const fragmentOffset = bits({ base: 'nh', offset: 6, size: 2 }, 0x1fff);

const where = (path: Path, value: Value, values: Ranges): Path | undefined =>
  value.kind === 'word' ? withConstraint(path, constrain(value, values)) : undefined;

/**
 * The payload of a UDP packet starts 8 bytes behind its transport header; of a later fragment, the dissector takes
 * everything behind the IP header for payload; with a header length below 5 it gives up, and the offset is 0.
 */
export const payloadOffsets = (context: RuleContext, path: Path): readonly Offset[] | Unknown => {
  const { protocol } = context.selector;
  if (protocol?.number !== udp || protocol.inverted)
    return {
      why: 'where the payload starts depends on the protocol, and the rule does not say -p udp',
      help: 'add -p udp to the rule',
    };
  if (context.family === 'ip6')
    return context.fragmentsVisible && !context.readsTransport
      ? {
          why: 'for a later IPv6 fragment the kernel takes the offset of its fragment data, which nft cannot address',
          help: 'add a port test to the rule: it leaves later fragments to the other rules',
        }
      : [{ value: { kind: 'header', plus: udpHeader, native: true }, path }];
  const whole: Header = { kind: 'header', word: headerLength, plus: udpHeader };
  const allowed = transportLoads(context, path);
  if (allowed === 'all') return [{ value: whole, path }];
  if (allowed === 'aligned') return [{ value: { ...whole, native: true }, path }];
  const sound = isWhole(context) ? path : where(path, lengthNibble, [[5, 15]]);
  const broken = isWhole(context) ? undefined : where(path, lengthNibble, [[0, 4]]);
  const first = sound && where(sound, fragmentOffset, [[0, 0]]);
  const later = sound && where(sound, fragmentOffset, [[1, 0x1fff]]);
  return [
    ...(first ? [{ value: whole, path: first }] : []),
    ...(later ? [{ value: { ...whole, plus: 0 }, path: later }] : []),
    ...(broken ? [{ value: constant(0), path: broken }] : []),
  ];
};

const difference = (why: string): readonly Difference[] => [
  { code: 'payload-offset', from: 'both', degree: 'guarded', why },
];

/** How `@th` plus 8 differs from the dissector's offset, if it can. */
export const payloadDifferences = (context: RuleContext): readonly Difference[] => {
  if (context.family === 'ip6')
    return difference(
      'for later fragments, for fragments with another extension header behind the fragment header and for more than 15 extension headers the kernel takes another payload offset than the end of the UDP header that nft finds',
    );
  const allowed = transportLoads(context, { constraints: [], loads: [] });
  if (allowed === 'aligned')
    return difference(
      'of a later fragment whose bytes pass for the UDP header, the kernel takes everything behind the IP header for payload; nft looks 8 bytes further',
    );
  return allowed === 'all' && !isWhole(context)
    ? difference(
        'a raw socket can send a header length below 5, for which the kernel finds no payload offset; nft computes one',
      )
    : [];
};
