/** Values of keys as they are said of a packet. */
import { utf8Length } from '../netfilter/bytes.ts';
import type { Family } from '../netfilter/family.ts';
import { keyValue } from './defaults.ts';
import { keyInfo } from './field.ts';
import type { KeyWord } from './keywords.ts';
import type { KeyValue } from './packet.ts';
import type { Bad } from './values.ts';

/** IFNAMSIZ without its zero byte, and what dev_valid_name refuses. */
const badDevice = (name: string): boolean =>
  utf8Length(name) > 15 || /[\s/]/.test(name) || name === '.' || name === '..';

export const deviceNames: Readonly<Record<string, string>> = { iif: 'iifname', oif: 'oifname' };

/** The key that a word with this value is about, and its value; undefined as value for "unknown". */
export const readKey = (
  family: Family,
  word: KeyWord,
  value: string,
  quoted: boolean,
): readonly [string, KeyValue | undefined] | Bad => {
  // `iif=eth0`: a device by its name, as nft lists it.
  const named = deviceNames[word.key];
  if (named !== undefined && (quoted || !/^(?:\d|unknown$)/.test(value)))
    return readKey(family, { key: named, value: 'text' }, value, quoted);
  const isAddress = /[.:]/.test(value);
  const six = word.six && (isAddress ? value.includes(':') : family === 'ip6') ? word.six : undefined;
  const { key, value: type } = six ?? word;
  if (value === 'unknown' && !quoted) return [key, undefined];
  const info = keyInfo(key);
  if (value === 'none' && !quoted && info?.presence !== 'always') return [key, null];
  if (type === 'text')
    return badDevice(value) && /^[io]ifname$/.test(key)
      ? { bad: `"${value}" is no interface name`, code: 'interface-name', help: 'at most 15 bytes, no blank, no slash' }
      : [key, value];
  const read = type.read(value);
  if (typeof read === 'object' && 'bad' in read) return read;
  const found = typeof read === 'bigint' ? read : read.value;
  if (info?.values && !info.values.includes(Number(found)))
    return { bad: `${value} is no value of ${info.words}`, code: 'value-out-of-range' };
  return [key, keyValue(key, found)];
};
