/** The programs of the iptables package by name, and what a name tells of the rules. */
import type { Backend, Family } from '../netfilter/family.ts';
import { isTableName, type TableName } from '../netfilter/hooks.ts';

export interface Program {
  readonly family: Family;
  /** Only `iptables-nft` and `iptables-legacy` tell. */
  readonly backend?: Backend;
  readonly does: 'change' | 'save' | 'restore';
}

const named = /^(?:\S*\/)?(ip6?)tables(?:-(nft|legacy))?(?:-(save|restore))?$/;

export const programOf = (word: string): Program | undefined => {
  const found = named.exec(word);
  if (!found) return undefined;
  const [, ip, backend, does] = found;
  return {
    family: ip === 'ip6' ? 'ip6' : 'ip',
    ...(backend === 'nft' || backend === 'legacy' ? { backend } : {}),
    does: does === 'save' || does === 'restore' ? does : 'change',
  };
};

/** What the command says that made an output. */
export interface Hint {
  readonly family?: Family;
  readonly backend?: Backend;
  readonly table?: TableName;
}

/** `sudo iptables -t nat -nvL` as words. */
const looks = (words: readonly string[]): Hint | undefined => {
  const start = words.findIndex((word) => word !== 'sudo' && word !== 'exec' && !word.startsWith('-'));
  const program = programOf(words[start] ?? '');
  if (program?.does !== 'change') return undefined;
  const rest = words.slice(start + 1);
  if (!rest.some((word) => /^-[a-zA-Z0-9]*[LS]$|^--list(?:-rules)?$/.test(word))) return undefined;
  const at = rest.findIndex((word) => word === '-t' || word === '--table');
  const table = at < 0 ? undefined : rest[at + 1];
  const { does: _, ...told } = program;
  return { ...told, ...(table !== undefined && isTableName(table) ? { table } : {}) };
};

/**
 * A line of a terminal that was copied along with an output: the prompt, alone (an empty hint) or with the command
 * that prints rules. Undefined for every other line.
 */
export const readPrompt = (text: string): Hint | undefined => {
  const found = /^([^\s#$%>]*(?: [^\s#$%>]+)?[#$%>])?(.*)$/.exec(text.trim());
  const [, prompt = '', rest = ''] = found ?? [];
  return rest.trim() === '' && (prompt === '$' || prompt.includes('@')) ? {} : looks(rest.trim().split(/\s+/));
};
