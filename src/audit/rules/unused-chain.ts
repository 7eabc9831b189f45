/** Chains of iptables that no packet comes to. */
import { shellWord } from '../shell-words.ts';
import { isDockerChain } from '../../docker/recognise.ts';
import { ownerOfChain } from '../../guard/ladder.ts';
import type { Chain, Table } from '../../iptables/types.ts';
import { builtInChains } from '../../netfilter/hooks.ts';
import { callsIn } from '../calls.ts';
import type { FindingRule } from '../contract.ts';
import type { Fix, Found, Severity } from '../finding.ts';
import { groupBy } from '../group.ts';
import type { AuditHost } from '../host.ts';
import { evidenceAt, programFor } from '../host-rules.ts';
import { counted, tableEvidence } from '../places.ts';

const shown = 5;

/** Programs that make a chain for each purpose: one without a jump is one that does nothing. */
const onePerPurpose: ReadonlySet<string> = new Set(['fail2ban', 'CrowdSec']);

const keepsOut = ({ rules }: Chain): boolean =>
  rules.some(({ action }) =>
    action.kind === 'verdict' ? action.verdict === 'DROP' : action.kind === 'target' && action.use.name === 'REJECT',
  );

/** Docker leaves chains empty where nothing is published, and with a RETURN alone. */
const isEmpty = ({ rules }: Chain): boolean =>
  rules.every(({ action, selector }) => action.kind === 'verdict' && action.verdict === 'RETURN' && Object.keys(selector).length === 0); // prettier-ignore

const removing = (table: Table, chains: readonly Chain[]): Fix => {
  const program = `${programFor(table)} -t ${table.name}`;
  return {
    what: 'if it is not needed, empty it and take it away',
    commands: [...chains.map(({ name }) => `${program} -F ${shellWord(name)}`), ...chains.map(({ name }) => `${program} -X ${shellWord(name)}`)], // prettier-ignore
  };
};

const told = (
  table: Table,
  subject: string,
  chains: readonly Chain[],
  severity: Severity | undefined,
  owner: string,
): Found => {
  const rules = chains.flatMap((chain) => chain.rules);
  const names = chains.map(({ name }) => name);
  const list = names.slice(0, shown).join(', ') + (names.length > shown ? ` and ${names.length - shown} more` : '');
  const isOne = chains.length === 1;
  return {
    subject: `${table.family} ${table.name} ${subject}${table.backend === 'legacy' ? ' (legacy)' : ''}`,
    ...(severity ? { severity } : {}),
    what: `No packet comes to ${isOne ? 'chain' : 'chains'} ${list}: no built-in chain leads there. ${isOne ? 'It' : 'They'} ${rules.length === 0 ? (isOne ? 'is empty' : 'are empty') : `${isOne ? 'holds' : 'hold'} ${counted(rules.length, 'rule')}`}.`,
    means:
      owner === 'operator' || owner === 'Docker'
        ? rules.length > 0
          ? 'Its rules do nothing, whatever they say.'
          : 'Nothing: it takes a name, and looks as if it were in use.'
        : `${owner} has its rules in place, and none of them is asked: what it means to keep out comes in.`,
    evidence:
      rules.length > 0
        ? rules.slice(0, shown).map(({ origin }) => evidenceAt(origin, 'never asked'))
        : [tableEvidence(table, 'has the chain')],
    fix: [
      ...(owner === 'operator' || owner === 'Docker' ? [] : [{ what: `let ${owner} set up its jumps again`, commands: [restart(owner)] }]), // prettier-ignore
      removing(table, chains),
    ],
  };
};

const restart = (owner: string): string =>
  owner === 'ufw' ? 'ufw reload' : owner === 'firewalld' ? 'firewall-cmd --reload' : `systemctl restart ${owner}`;

const inTable = (table: Table): readonly Found[] => {
  const { reached, called } = callsIn(table);
  const own = table.chains.filter(({ policy }) => policy === undefined);
  const unused = own.filter(({ name }) => !reached.has(name));
  const isRoot = ({ name }: Chain): boolean => !called.has(name);
  const owners = groupBy(unused, ({ name }) => (isDockerChain(name) ? 'Docker' : (ownerOfChain(name) ?? 'operator')));
  return [...owners].flatMap(([owner, chains]): readonly Found[] => {
    // docker-chains-incomplete tells of those that hold anything.
    if (owner === 'Docker') {
      const left = chains.filter((chain) => isEmpty(chain) && !reachesRules(table, chain));
      return left.length === 0 || table.chains.some(({ name }) => reached.has(name) && isDockerChain(name))
        ? []
        : [told(table, 'Docker', left, 'info', owner)];
    }
    if (owner === 'operator' || onePerPurpose.has(owner))
      return chains.filter((chain) => isRoot(chain) || onePerPurpose.has(owner)).map((chain) => told(table, chain.name, [chain], onePerPurpose.has(owner) && keepsOut(chain) ? 'medium' : undefined, owner)); // prettier-ignore
    // Such programs make chains that they use when they need them; that none of them is asked is another matter.
    const isCutOff = own.filter(({ name }) => ownerOfChain(name) === owner).every(({ name }) => !reached.has(name));
    return isCutOff && chains.some(({ rules }) => rules.length > 0)
      ? [
          told(
            table,
            owner,
            chains.filter(isRoot).filter(({ rules }) => rules.length > 0),
            'medium',
            owner,
          ),
        ]
      : [];
  });
};

const reachesRules = (table: Table, { name }: Chain): boolean => {
  const from = { ...table, chains: table.chains.map((chain) => ({ name: chain.name, rules: chain.rules, ...(chain.name === name ? { policy: 'ACCEPT' as const } : {}) })) }; // prettier-ignore
  const { reached } = callsIn(from);
  return table.chains.some((chain) => reached.has(chain.name) && !isEmpty(chain));
};

const find = (host: AuditHost): readonly Found[] =>
  host.host.iptables.tables
    .filter((table) => builtInChains[table.name].every((chain) => host.knows(table.family, table.name, chain)))
    .flatMap(inTable);

export const unusedChain: FindingRule = {
  code: 'unused-chain',
  severity: 'low',
  job: 'ordering',
  title: 'A chain that no packet comes to',
  about:
    'A chain of iptables is asked when a rule jumps to it. After a flush of the built-in chains, a reload of another firewall or a rename, chains stay behind with rules that look as if they were in force. A ban list of fail2ban without its jump bans nobody.',
  silent:
    "A chain that another chain without a way to it jumps to is told with that one. Chains that ufw, firewalld and kube-proxy keep for later use are theirs, as long as any of their chains is asked. Docker's chains that hold rules are told by docker-chains-incomplete.",
  needs: [],
  find,
};
