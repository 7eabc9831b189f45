/**
 * A rule of any libnftables JSON as one line for people, close to what nft would print. Nothing reads it back: what
 * has to be exact is the JSON.
 */
import { isList, isObject, type Json, listOf, property, single, textOf } from './json.ts';
import type { NftRule } from './ruleset.ts';

const words = (...parts: readonly (Json | undefined)[]): string =>
  parts
    .map((part) => (typeof part === 'string' ? part : expressionText(part)))
    .filter((part) => part !== '')
    .join(' ');

const operators: ReadonlySet<string> = new Set(['|', '&', '^', '<<', '>>']);

const elementText = (element: Json): string => {
  if (isList(element) && element.length === 2) return `${expressionText(element[0])} : ${expressionText(element[1])}`;
  return expressionText(element);
};

const setText = (value: Json): string =>
  typeof value === 'string' ? value : `{ ${listOf(value).map(elementText).join(', ')} }`;

const dataText = (value: Json | undefined): string =>
  typeof value === 'string' ? value : setText(property(value, 'set') ?? null);

const payloadText = (value: Json): string => {
  const base = textOf(value, 'base');
  return base === undefined
    ? words(textOf(value, 'tunnel'), textOf(value, 'protocol'), textOf(value, 'field'))
    : `@${base},${expressionText(property(value, 'offset'))},${expressionText(property(value, 'len'))}`;
};

const fibText = (value: Json): string =>
  words('fib', listOf(property(value, 'flags')).map(expressionText).join(' . '), textOf(value, 'result'));

/** How a named expression is written; `value` is what its one property holds. */
const namedText = (name: string, value: Json): string => {
  if (operators.has(name)) return `(${listOf(value).map(expressionText).join(` ${name} `)})`;
  switch (name) {
    case 'payload':
      return payloadText(value);
    case 'meta':
      return words('meta', textOf(value, 'key'));
    case 'ct':
    case 'rt':
    case 'socket':
      return words(name, textOf(value, 'dir') ?? textOf(value, 'family'), textOf(value, 'key'));
    case 'ipsec':
      return words(
        'ipsec',
        textOf(value, 'dir'),
        'spnum',
        property(value, 'spnum'),
        textOf(value, 'family'),
        textOf(value, 'key'),
      );
    case 'fib':
      return fibText(value);
    case 'numgen':
      return words('numgen', textOf(value, 'mode'), 'mod', property(value, 'mod'));
    case 'exthdr':
    case 'tcp option':
    case 'ip option':
    case 'sctp chunk':
      return words(name, textOf(value, 'name') ?? property(value, 'base'), textOf(value, 'field'));
    case 'prefix':
      return `${expressionText(property(value, 'addr'))}/${expressionText(property(value, 'len'))}`;
    case 'range':
      return listOf(value).map(expressionText).join('-');
    case 'concat':
      return listOf(value).map(expressionText).join(' . ');
    case 'set':
      return setText(value);
    case 'map':
      return `${expressionText(property(value, 'key'))} map ${dataText(property(value, 'data'))}`;
    case 'elem':
      return expressionText(property(value, 'val'));
    case 'jump':
    case 'goto':
      return words(name, textOf(value, 'target'));
    default:
      return value === null ? name : `${name} ${JSON.stringify(value)}`;
  }
};

/** An expression as text. */
export const expressionText = (value: Json | undefined): string => {
  if (value === undefined || value === null) return '';
  if (isList(value)) return value.map(expressionText).join(',');
  if (!isObject(value)) return typeof value === 'string' && /[\s"]/.test(value) ? JSON.stringify(value) : String(value);
  const found = single(value);
  return found ? namedText(...found) : JSON.stringify(value);
};

const natText = (name: string, value: Json): string => {
  const address = expressionText(property(value, 'addr'));
  const port = property(value, 'port');
  const to = words(address + (port === undefined ? '' : `:${expressionText(port)}`));
  return words(
    name,
    textOf(value, 'family'),
    to === '' ? '' : `to ${to}`,
    listOf(property(value, 'flags')).map(expressionText).join(','),
  );
};

const limitText = (value: Json): string => {
  if (!isObject(value)) return words('limit name', expressionText(value));
  const unit = textOf(value, 'rate_unit') ?? 'packets';
  const speed = `${expressionText(property(value, 'rate'))}${unit === 'packets' ? '' : ` ${unit}`}/${textOf(value, 'per') ?? 'second'}`;
  const burst = property(value, 'burst');
  return words(
    'limit rate',
    property(value, 'inv') === true ? 'over' : '',
    speed,
    burst === undefined ? '' : `burst ${expressionText(burst)} ${textOf(value, 'burst_unit') ?? 'packets'}`,
  );
};

const optionsText = (name: string, value: Json): string =>
  isObject(value)
    ? words(
        name,
        ...Object.entries(value).map(([key, item]) =>
          key === 'type' ? `with ${expressionText(item)}` : words(key, expressionText(item)),
        ),
      )
    : words(name, expressionText(value));

/** A statement as text. */
export const statementText = (statement: Json): string => {
  const found = single(statement);
  if (!found) return JSON.stringify(statement);
  const [name, value] = found;
  switch (name) {
    case 'match': {
      const operator = textOf(value, 'op') ?? '==';
      const silent = operator === '==' || operator === 'in';
      return words(
        expressionText(property(value, 'left')),
        silent ? '' : operator,
        expressionText(property(value, 'right')),
      );
    }
    case 'counter':
      return 'counter';
    case 'mangle':
      return words(expressionText(property(value, 'key')), 'set', expressionText(property(value, 'value')));
    case 'vmap':
      return words(expressionText(property(value, 'key')), 'vmap', dataText(property(value, 'data')));
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      return natText(name, value);
    case 'limit':
      return limitText(value);
    case 'log':
    case 'reject':
    case 'queue':
    case 'quota':
      return optionsText(name, value);
    case 'set':
      return words(
        textOf(value, 'op') ?? 'add',
        textOf(value, 'set'),
        `{ ${words(expressionText(property(value, 'elem')), ...listOf(property(value, 'stmt')).map(statementText))} }`,
      );
    case 'xt':
      return words('xt', textOf(value, 'type'), textOf(value, 'name'));
    default:
      return namedText(name, value);
  }
};

export const ruleText = ({ statements, comment }: NftRule): string =>
  words(...statements.map(statementText), comment === undefined ? '' : `comment ${JSON.stringify(comment)}`);
