/** What each statement of libnftables-json(5) does, as steps. What has no model is named, never passed over. */
import { expressionText, statementText } from '../nftables/describe.ts';
import { type Json, property, single, textOf } from '../nftables/json.ts';
import { opaqueExtension } from '../nftables/read.ts';
import { is, opaque } from '../packet/condition.ts';
import { key } from '../packet/field.ts';
import type { Step } from '../packet/program.ts';
import { matchSteps } from './nft-compare.ts';
import type { NftContext } from './nft-context.ts';
import { readExpression } from './nft-expression.ts';
import { meterSteps, statefulSteps, updateSteps } from './nft-limit.ts';
import { mangleSteps, resetSteps } from './nft-mangle.ts';
import { natSteps } from './nft-nat.ts';
import type { Span } from './nft-payload.ts';
import { mapMember, mapSteps } from './nft-set.ts';
import { logSteps, queueSteps, rejectSteps, synproxySteps, verdictSteps } from './nft-verdict.ts';

const unmodelled = (what: string): readonly Step[] => [{ kind: 'unmodelled', what }];
const other = (text: string): readonly Step[] => [{ kind: 'effect', effect: { kind: 'other', text } }];

const verdictMapSteps = (value: Json, context: NftContext): readonly Step[] => {
  const register = readExpression(property(value, 'key') ?? null, 'match', context);
  return mapSteps(
    register,
    property(value, 'data') ?? null,
    context,
    (data) => verdictSteps(data) ?? unmodelled(`the verdict ${expressionText(data)}`),
  );
};

/** A named object that does nothing to the packet. From a map of objects, an element has to be there (nft_objref.c). */
const harmlessSteps = (value: Json, context: NftContext): readonly Step[] => {
  const map = property(value, 'map');
  if (map === undefined) return [];
  const register = readExpression(property(map, 'key') ?? null, 'match', context);
  return [{ kind: 'test', condition: mapMember(register, property(map, 'data') ?? null, context) }];
};

/** An object of conntrack: passed over by packets of another family or protocol than its own (nft_ct.c). */
const conntrackSteps = (kind: string, value: Json, context: NftContext): readonly Step[] => {
  const object = typeof value === 'string' ? context.table.objects.get(`${kind} ${value}`) : undefined;
  if (!object) return unmodelled(`${kind} ${expressionText(value)}`);
  const [type, protocol, family] = [
    textOf(object, 'type') ?? '',
    textOf(object, 'protocol') ?? '',
    textOf(object, 'l3proto'),
  ];
  if (family !== undefined && family !== 'inet' && family !== context.family) return [];
  if (kind === 'ct helper') {
    const number = protocol === 'tcp' ? 6 : protocol === 'udp' ? 17 : undefined;
    if (number === undefined) return unmodelled(`ct helper for ${protocol}`);
    // A packet of another protocol belongs to a connection of that one, which the helper is not for.
    const fits = is(key('ct.protocol'), number);
    return [
      {
        kind: 'choose',
        arms: [
          { condition: fits, steps: other(`ct helper ${type}/${protocol}`) },
          { condition: { kind: 'not', of: fits }, steps: [] },
        ],
      },
    ];
  }
  return other(`${kind} ${JSON.stringify(object)}`);
};

/** Goes on where a socket takes the packet, and breaks the rule where none does (nft_tproxy.c). */
const tproxySteps = (value: Json, context: NftContext): readonly Step[] => {
  const family = textOf(value, 'family');
  if (family !== undefined && family !== context.family)
    return [{ kind: 'test', condition: { kind: 'constant', value: false } }];
  const to = `tproxy ${expressionText(property(value, 'addr'))}:${expressionText(property(value, 'port'))}`;
  return [
    { kind: 'test', condition: opaque({ id: `${to} finds a socket`, stateful: false, assumption: 'same-lookup' }) },
    ...other(to),
  ];
};

const duplicateSteps = (name: string, value: Json): readonly Step[] => {
  const to = [expressionText(property(value, 'addr')), expressionText(property(value, 'dev'))].filter(
    (part) => part !== '',
  );
  const text = `${name} ${to.join(' dev ')}`;
  return name === 'dup' ? other(text) : [{ kind: 'verdict', verdict: { kind: 'taken', by: text } }];
};

/** An extension that nft shows by name only; xt_comment matches every packet. */
const extensionSteps = (statement: Json): readonly Step[] => {
  const extension = opaqueExtension(statement);
  return extension === undefined ? [] : unmodelled(`the xtables ${extension}, whose arguments nft does not list`);
};

/** The steps of one statement; `joined` is the load of which a match's own has become a part. */
export const statementSteps = (statement: Json, context: NftContext, joined?: Span): readonly Step[] => {
  const found = single(statement);
  if (!found) return unmodelled(`the statement ${JSON.stringify(statement)}`);
  const verdict = verdictSteps(statement);
  if (verdict) return verdict;
  const [name, value] = found;
  switch (name) {
    case 'match':
      return matchSteps(value, context, joined);
    case 'counter':
    case 'last':
      return harmlessSteps(value, context);
    case 'vmap':
      return verdictMapSteps(value, context);
    case 'limit':
    case 'quota':
    case 'ct count':
      return property(value, 'map') === undefined
        ? statefulSteps(name, value, context)
        : unmodelled(`a map of ${name}s`);
    case 'mangle':
      return mangleSteps(value, context);
    case 'reset':
      return resetSteps(value);
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return natSteps(name, value, context);
    case 'reject':
      return rejectSteps(value, context);
    case 'log':
      return logSteps(value);
    case 'queue':
      return queueSteps(value);
    case 'notrack':
      return [{ kind: 'effect', effect: { kind: 'notrack' } }];
    case 'set':
    case 'map':
      return updateSteps(value, context);
    case 'meter':
      return meterSteps(value, context);
    case 'ct helper':
    case 'ct timeout':
    case 'ct expectation':
      return conntrackSteps(name, value, context);
    case 'dup':
    case 'fwd':
      return duplicateSteps(name, value);
    case 'tproxy':
      return tproxySteps(value, context);
    case 'synproxy':
      return synproxySteps(statementText(statement));
    case 'flow':
      return other(`flow ${expressionText(property(value, 'flowtable'))}`);
    case 'secmark':
      return other(`secmark ${expressionText(value)}`);
    case 'xt':
      return extensionSteps(statement);
    default:
      return unmodelled(`the statement ${statementText(statement)}`);
  }
};
