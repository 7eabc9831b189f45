/** The parameters and commands of iptables(8) itself: what each takes from the line. */
import { noteCopied } from './copied.ts';
import { load } from './options.ts';
import {
  type Core,
  good,
  isBang,
  isOption,
  isStandard,
  next,
  once,
  parseCounter,
  type Reading,
  stop,
  verbs,
  verdictActions,
} from './reading.ts';
import { parseAddresses, parseInterface, parseProtocol } from './selector.ts';
import type { InterfaceName } from './types.ts';
import type { Word } from './words.ts';

const takeAction = (reading: Reading, option: Word, name: Word, kind: 'jump' | 'goto'): void => {
  if (reading.action.kind !== 'none') stop(reading, option, 'option-twice', 'a rule has one -j or one -g');
  const extension = kind === 'jump' ? reading.grammar.targets.get(name.text) : undefined;
  if (kind === 'jump' && isStandard(name.text)) reading.action = verdictActions[name.text];
  else if (extension) {
    if (!extension.families.includes(reading.family))
      stop(
        reading,
        name,
        'wrong-family',
        `${name.text} does not exist for ${reading.family === 'ip' ? 'IPv4' : 'IPv6'}`,
      );
    reading.target = load(extension, name);
    reading.action = { kind: 'target', use: { name: name.text, info: {}, column: name.column } };
  } else {
    if (kind === 'jump' && reading.grammar.unmodelledTargets.has(name.text))
      reading.unmodelled ??= { kind: 'target', name: name.text, column: name.column, length: name.length };
    reading.action = { kind, chain: name.text, column: name.column };
  }
};

const takeMatch = (reading: Reading, name: Word): void => {
  const { matches, matchAliases } = reading.grammar;
  const extension = matches.get(matchAliases.get(name.text) ?? name.text);
  if (!extension) {
    reading.unmodelled ??= { kind: 'match', name: name.text, column: name.column, length: name.length };
    return;
  }
  if (!extension.families.includes(reading.family))
    stop(
      reading,
      name,
      'wrong-family',
      `the match ${name.text} does not exist for ${reading.family === 'ip' ? 'IPv4' : 'IPv6'}`,
    );
  reading.loaded.push(load(extension, name));
};

interface Valued {
  readonly word: Word;
  readonly inverted: boolean;
}

/** The value of a parameter. Before 1.4.3 the `!` stood behind the option, and old scripts still have it there. */
const valueOf = (
  reading: Reading,
  option: Word,
  bang: Word | undefined,
  attached: Word | undefined,
  needs: string,
): Valued => {
  if (attached) return { word: attached, inverted: bang !== undefined };
  const word = next(reading, option, needs);
  if (!isBang(word)) return { word, inverted: bang !== undefined };
  if (bang) stop(reading, word, 'stray-inversion', 'the option is inverted twice');
  return { word: next(reading, option, needs), inverted: true };
};

const refuseBang = (reading: Reading, option: Word, bang: Word | undefined): void => {
  if (bang) stop(reading, bang, 'not-invertible', `${option.text} cannot be inverted with !`);
};

/** A host has a few hundred interfaces and a handful of protocols: one object each, however many rules name them. */
const interfaces: readonly [Map<string, InterfaceName>, Map<string, InterfaceName>] = [new Map(), new Map()];
const mostInterfaces = 20_000;

const interfaceOf = (name: string, inverted: boolean): InterfaceName => {
  const known = interfaces[inverted ? 1 : 0];
  const found = known.get(name);
  if (found) return found;
  if (known.size >= mostInterfaces) known.clear();
  const made = { name, inverted };
  known.set(name, made);
  return made;
};

type Protocol = NonNullable<Reading['selector']['protocol']>;
const protocols = new Map<number, Protocol>();

const protocolOf = (number: number, inverted: boolean): Protocol => {
  const key = inverted ? -number : number;
  const found = protocols.get(key);
  if (found) return found;
  const made = { number, inverted };
  protocols.set(key, made);
  return made;
};

export const takeCore = (
  reading: Reading,
  kind: Core,
  option: Word,
  bang: Word | undefined,
  attached: Word | undefined,
): void => {
  const { selector } = reading;
  switch (kind) {
    case 'source':
    case 'destination': {
      once(reading, option, kind === 'source' ? reading.sources : reading.destinations);
      const { word, inverted } = valueOf(reading, option, bang, attached, 'an address');
      const list = good(reading, word, parseAddresses(word.text, reading.family));
      if (inverted && list.length > 1)
        stop(
          reading,
          word,
          'not-invertible',
          'a list of addresses cannot be inverted',
          'iptables refuses ! with several addresses',
        );
      noteCopied(reading, word, 'network');
      if (kind === 'source') {
        reading.sources = list;
        reading.sourceInverted = inverted;
      } else {
        reading.destinations = list;
        reading.destinationInverted = inverted;
      }
      return;
    }
    case 'in':
    case 'out': {
      once(reading, option, kind === 'in' ? selector.inInterface : selector.outInterface);
      const { word, inverted } = valueOf(reading, option, bang, attached, 'an interface name');
      const given = interfaceOf(good(reading, word, parseInterface(word.text)), inverted);
      noteCopied(reading, word, 'interface');
      if (kind === 'in') selector.inInterface = given;
      else selector.outInterface = given;
      return;
    }
    case 'protocol': {
      once(reading, option, selector.protocol);
      const { word, inverted } = valueOf(reading, option, bang, attached, 'a protocol');
      const number = good(reading, word, parseProtocol(word.text));
      if (number === 0 && inverted)
        stop(reading, word, 'bad-value', 'no packet has a protocol other than all', 'leave the option out');
      if (number !== 0) selector.protocol = protocolOf(number, inverted);
      return;
    }
    case 'fragment':
      if (reading.family === 'ip6') stop(reading, option, 'wrong-family', '-f does not exist for IPv6', 'use -m frag');
      once(reading, option, selector.fragment);
      selector.fragment = { inverted: bang !== undefined };
      return;
    case 'match': {
      refuseBang(reading, option, bang);
      takeMatch(reading, attached ?? next(reading, option, 'the name of a match'));
      return;
    }
    case 'jump':
    case 'goto': {
      refuseBang(reading, option, bang);
      takeAction(reading, option, attached ?? next(reading, option, kind === 'jump' ? 'a target' : 'a chain'), kind);
      return;
    }
    case 'table': {
      refuseBang(reading, option, bang);
      const word = attached ?? next(reading, option, 'a table');
      reading.table = { name: word.text, word };
      return;
    }
    case 'counters': {
      refuseBang(reading, option, bang);
      const first = attached ?? next(reading, option, 'packets and bytes');
      const [left = '', right] = first.text.split(',');
      const second = right === undefined ? next(reading, option, 'packets and bytes') : first;
      const packets = parseCounter(left);
      const bytes = parseCounter(right ?? second.text);
      if (packets === undefined || bytes === undefined)
        return stop(reading, first, 'bad-counters', `"${first.text}" is no count of packets`, 'write -c PACKETS BYTES');
      reading.counters = { packets, bytes };
      return;
    }
    case 'ipv4':
    case 'ipv6':
      refuseBang(reading, option, bang);
      reading.only = kind === 'ipv4' ? 'ip' : 'ip6';
      return;
    case 'wait': {
      refuseBang(reading, option, bang);
      const word = reading.words[reading.position];
      if (!attached && word && /^\d+$/.test(word.text)) reading.position++;
      return;
    }
    case 'silent':
      refuseBang(reading, option, bang);
      return;
  }
};

export const takeVerb = (reading: Reading, option: Word, attached: Word | undefined): void => {
  const found = verbs[option.text] as (typeof verbs)[string];
  if (reading.command)
    stop(
      reading,
      option,
      'misplaced-option',
      'a command line has one command',
      `it already has ${reading.command.verb}`,
    );
  const [verb, min, max] = found;
  const given: Word[] = attached ? [attached] : [];
  while (given.length < max) {
    const word = reading.words[reading.position];
    if (!word || isOption(word) || isBang(word)) break;
    // The second word of -I, -D and -R can only be a rule number.
    if (
      given.length === 1 &&
      (verb === 'insert' || verb === 'delete' || verb === 'replace') &&
      !/^\d+$/.test(word.text)
    )
      break;
    given.push(word);
    reading.position++;
  }
  const [chain, second] = given;
  if (given.length < min)
    stop(reading, option, 'missing-value', `${option.text} needs ${min === 2 ? 'two words' : 'a chain'}`);
  const base = { verb, ...(chain ? { chain } : {}) };
  if (!second) reading.command = base;
  else if (verb === 'policy' || verb === 'rename') reading.command = { ...base, argument: second };
  else if (Number(second.text) === 0 || second.text.length > 9)
    stop(reading, second, 'value-out-of-range', `there is no rule number ${second.text}`, 'rules are counted from 1');
  else reading.command = { ...base, number: Number(second.text) };
};
