/** Statements that set something: metadata, the connection's mark, header bits, a TCP option. */
import { expressionText } from '../nftables/describe.ts';
import { type Json, listOf, property, single, textOf } from '../nftables/json.ts';
import { all, any, type Condition, is, not, present, yes } from '../packet/condition.ts';
import type { Effect } from '../packet/effect.ts';
import { bitsOf, key, keyInfo, payload } from '../packet/field.ts';
import type { Step } from '../packet/program.ts';
import type { NftContext } from './nft-context.ts';
import { ctEvent, ctLabel, type Datatype, integer, mark, priority, readConstant } from './nft-datatype.ts';
import { readExpression } from './nft-expression.ts';
import { optionPlace } from './nft-header.ts';
import { payloadRegister, payloadSpan } from './nft-payload.ts';
import { type Bits, loaded, ones, type Register, type Term } from './nft-register.ts';
import { mapSteps } from './nft-set.ts';

const unmodelled = (what: string): readonly Step[] => [{ kind: 'unmodelled', what }];
const effect = (made: Effect): Step => ({ kind: 'effect', effect: made });
const guarded = (condition: Condition, steps: readonly Step[]): readonly Step[] =>
  condition.kind === 'constant' && condition.value ? steps : [{ kind: 'test', condition }, ...steps];

/** What a key becomes: its own bits, those of one other key, and constant bits. */
const keyEffects = (name: string, value: Bits): readonly Step[] | undefined => {
  const bits = keyInfo(name)?.bits ?? 32;
  const live = value.terms.filter(({ and }) => and !== 0n);
  const isOwn = ({ field, shift }: Term): boolean => field.kind === 'key' && field.key === name && shift === 0;
  const own = live.filter(isOwn);
  const [foreign, another] = live.filter((term) => !isOwn(term));
  const keep = own.reduce((sum, { and }) => sum ^ and, 0n);
  const flip = value.xor & ones(bits);
  if (!foreign) return [effect({ kind: 'set', key: name, keep, flip })];
  const { field, shift, and } = foreign;
  if (another || own.length > 1 || field.kind !== 'key') return undefined;
  const take = (shift >= 0 ? and >> BigInt(shift) : and << BigInt(-shift)) & ones(bitsOf(field));
  const copy = effect({ kind: 'copy', key: name, from: field.key, keep, take, shift });
  return flip === 0n ? [copy] : [copy, effect({ kind: 'set', key: name, keep: ones(bits), flip })];
};

/** Runs `write` for a constant, a value that the packet gives, or each element of a map. */
const withValue = (
  value: Json,
  type: Datatype,
  context: NftContext,
  write: (value: Bits) => readonly Step[] | undefined,
): readonly Step[] => {
  const fail = (): readonly Step[] => unmodelled(`setting a value to ${expressionText(value)}`);
  const map = property(value, 'map');
  if (map !== undefined) {
    const register = readExpression(property(map, 'key') ?? null, 'match', context);
    return mapSteps(register, property(map, 'data') ?? null, context, (data) => withValue(data, type, context, write));
  }
  const constant = readConstant(value, type);
  if (constant !== undefined)
    return (
      write({ kind: 'bits', guard: yes, terms: [], xor: constant, bits: 32, type, label: String(constant) }) ?? fail()
    );
  const register: Register = readExpression(value, 'value', context);
  if (register.kind === 'unmodelled') return unmodelled(register.what);
  if (register.kind !== 'bits') return fail();
  const steps = write(register);
  return steps ? guarded(loaded(register), steps) : fail();
};

const metaTypes: Readonly<Record<string, Datatype>> = {
  mark,
  priority,
  nftrace: integer,
  pkttype: integer,
  secmark: integer,
};

const setMeta = (name: string, value: Json, context: NftContext): readonly Step[] => {
  const type = Object.hasOwn(metaTypes, name) ? metaTypes[name] : undefined;
  if (!type) return unmodelled(`setting meta ${name}`);
  return withValue(value, type, context, (bits) => keyEffects(name, bits));
};

/** Setting something of a connection that is not there does nothing, and the rule goes on (nft_ct.c nft_ct_set_eval). */
const ifTracked = (steps: readonly Step[]): readonly Step[] => {
  const tracked = present(key('ct.mark'));
  return [
    {
      kind: 'choose',
      arms: [
        { condition: tracked, steps },
        { condition: not(tracked), steps: [] },
      ],
    },
  ];
};

const other = (text: string): Step => effect({ kind: 'other', text });

const setCt = (target: Json, value: Json, context: NftContext): readonly Step[] => {
  const name = textOf(target, 'key') ?? '';
  const constant = (
    type: Datatype,
    text: (value: bigint) => string,
    wrap: (steps: readonly Step[]) => readonly Step[] = ifTracked,
  ): readonly Step[] =>
    withValue(value, type, context, (bits) => (bits.terms.length === 0 ? wrap([other(text(bits.xor))]) : undefined));
  switch (name) {
    case 'mark':
      return withValue(value, mark, context, (bits) => {
        const steps = keyEffects('ct.mark', bits);
        return steps && ifTracked(steps);
      });
    case 'zone':
      // The zone is for the entry that is still to be found (nft_ct_set_zone_eval).
      return constant(
        integer,
        (zone) => `ct zone ${zone} ${textOf(target, 'dir') ?? 'both'}`,
        (steps) => steps,
      );
    case 'event':
      return constant(ctEvent, (events) => `ct event ${events}`);
    case 'label':
      return constant(ctLabel, (labels) => `ct label ${labels}`);
    default:
      return unmodelled(`setting ct ${name}`);
  }
};

/** Where the checksum of a transport header lies that nft has the kernel correct, in bits. */
const checksums: Readonly<Record<string, number>> = { tcp: 128, udp: 48, udplite: 48, icmp: 16, icmpv6: 16, igmp: 16 };

/**
 * A checksum that covers what is written has to be there too, or the rule breaks (nft_payload.c nft_payload_csum_inet).
 * Behind an address only that of TCP is missed: UDP may go without, and later fragments have none.
 */
const checksumGuard = (target: Json): Condition => {
  const [protocol, field] = [textOf(target, 'protocol') ?? '', textOf(target, 'field') ?? ''];
  const own = Object.hasOwn(checksums, protocol) ? checksums[protocol] : undefined;
  if (own !== undefined) return present(payload('th', own, 16));
  if ((protocol !== 'ip' && protocol !== 'ip6') || (field !== 'saddr' && field !== 'daddr')) return yes;
  const cut = (number: number, at: number): Condition =>
    all([is(key('l4proto'), number), is(key('fragoff'), 0), not(present(payload('th', at, 16)))]);
  return not(any([cut(6, 128), cut(58, 16)]));
};

/**
 * Header bits. What is written lies in one piece with its neighbours in whole bytes; behind the network header the
 * kernel writes to no later fragment, on no way (nft_payload.c nft_payload_set_eval).
 */
const setPayload = (target: Json, value: Json, context: NftContext): readonly Step[] => {
  const register = payloadRegister(target, context);
  const span = payloadSpan(target, context);
  if (register.kind !== 'bits' || !span)
    return unmodelled(register.kind === 'unmodelled' ? register.what : 'a payload');
  const field = payload(span.base, span.offset, span.length);
  const whole = span.base === 'th' || span.base === 'ih' ? is(key('fragoff'), 0) : yes;
  const steps = withValue(value, register.type, context, (bits) => {
    const isOwn = ({ field: source, shift }: Term): boolean =>
      source.kind === 'payload' &&
      source.base === field.base &&
      source.offset === field.offset &&
      source.length === field.length &&
      shift === 0;
    if (!bits.terms.every((term) => isOwn(term) || term.and === 0n)) return undefined;
    const keep = bits.terms.reduce((sum, { and }) => sum ^ and, 0n);
    return [effect({ kind: 'write', field, keep, flip: bits.xor & ones(span.length) })];
  });
  return guarded(all([register.guard, whole, present(field), checksumGuard(target)]), steps);
};

/** The kernel writes to an option where a whole TCP header has it, and goes on where it has not (nft_exthdr.c). */
const setOption = (target: Json, value: Json): readonly Step[] => {
  const place = optionPlace(target);
  const rt = textOf(property(value, 'rt'), 'key');
  const constant = readConstant(value, integer);
  if (!place || (rt !== 'mtu' && constant === undefined))
    return unmodelled(`setting ${expressionText({ 'tcp option': target })}`);
  const [kind, offset, bits] = place;
  const size = rt === 'mtu' ? 'pmtu' : String(constant);
  const isSize = kind === 2 && offset === 16 && bits === 16;
  if (rt === 'mtu' && !isSize) return unmodelled(`setting ${expressionText({ 'tcp option': target })} to rt mtu`);
  const made = isSize
    ? effect({ kind: 'other', text: `mss ${size}`, assumption: 'mss-present' })
    : other(`tcp option ${kind} ${offset} ${bits} set ${size}`);
  return guarded(wholeTcp, [made]);
};

/** nft_tcp_header_pointer: the header is there as long as it says it is, which is 5 to 15 words. */
const wholeTcp: Condition = all([
  is(key('l4proto'), 6),
  is(key('fragoff'), 0),
  any(
    Array.from({ length: 11 }, (_, index) => 5 + index).map((words) =>
      all([is(payload('th', 96, 4), words), present(payload('th', 0, words * 32))]),
    ),
  ),
]);

/** `{"mangle": value}`. */
export const mangleSteps = (value: Json, context: NftContext): readonly Step[] => {
  const target = single(property(value, 'key'));
  const given = property(value, 'value');
  if (!target || given === undefined) return unmodelled(`the mangle ${JSON.stringify(value)}`);
  const [kind, inner] = target;
  switch (kind) {
    case 'meta':
      return setMeta(textOf(inner, 'key') ?? '', given, context);
    case 'ct':
      return setCt(inner, given, context);
    case 'payload':
      return setPayload(inner, given, context);
    case 'tcp option':
      return setOption(inner, given);
    default:
      return unmodelled(`setting ${expressionText(property(value, 'key'))}`);
  }
};

/** `{"reset": {"tcp option": …}}` overwrites the option with no-operations (nft_exthdr_tcp_strip_eval). */
export const resetSteps = (value: Json): readonly Step[] => {
  const option = property(value, 'tcp option');
  const text = expressionText({ 'tcp option': option ?? null });
  return option === undefined
    ? unmodelled(`reset ${listOf(value).map(expressionText).join(' ')}`)
    : guarded(wholeTcp, [other(`strip ${text}`)]);
};
