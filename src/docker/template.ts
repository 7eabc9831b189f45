/**
 * Templates of rules as iptables-save prints them: `-o {bridge} -j DROP`. A placeholder that comes again has to stand
 * for the same text again.
 */

export type Placeholder = 'bridge' | 'device' | 'host' | 'network' | 'peer' | 'protocol' | 'port' | 'to' | 'mark';

/** What each placeholder stands for: a host is one address, as iptables-save prints it; `to` is where NAT maps to. */
const placeholders: Readonly<Record<Placeholder, string>> = {
  bridge: '\\S+',
  device: '\\S+',
  host: '[0-9a-f.:]+\\/(?:32|128)',
  network: '[0-9a-f.:]+\\/\\d+',
  peer: '[0-9a-f.:]+\\/(?:32|128)',
  protocol: 'tcp|udp|sctp',
  port: '\\d+',
  to: '\\S+',
  mark: '0x[0-9a-f]+(?:\\/0x[0-9a-f]+)?',
};
export type Filled = Readonly<Partial<Record<Placeholder, string>>>;

const isPlaceholder = (name: string): name is Placeholder => Object.hasOwn(placeholders, name);

const escaped = (text: string): string => text.replaceAll(/[.*+?^$()|[\]\\/]/g, String.raw`\$&`);

const compiled = (template: string): RegExp => {
  const seen = new Set<string>();
  const source = template.split(/(\{\w+\})/).map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined || !isPlaceholder(name)) return escaped(part);
    if (seen.has(name)) return String.raw`\k<${name}>`;
    seen.add(name);
    return `(?<${name}>${placeholders[name]})`;
  });
  return new RegExp(`^${source.join('')}$`);
};

const known = new Map<string, RegExp>();

/** What the placeholders of a template stand for in a rule behind its `-A CHAIN`, or undefined if it has another form. */
export const fill = (template: string, rule: string): Filled | undefined => {
  const pattern = known.get(template) ?? compiled(template);
  known.set(template, pattern);
  const found = pattern.exec(rule);
  return found ? { ...found.groups } : undefined;
};

/** The prefix length of a single address says nothing. */
const plain = (text: string): string => text.replace(/\/(?:32|128)$/, '');

/** Words with placeholders, filled in. */
export const say = (words: string, filled: Filled): string =>
  words.replaceAll(/\{(\w+)\}/g, (whole, name: string) => (isPlaceholder(name) ? plain(filled[name] ?? whole) : whole));
