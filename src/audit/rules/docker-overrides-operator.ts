/** A rule of Docker accepts what a rule of the operator behind it would have kept out. */
import type { Family } from '../../netfilter/family.ts';
import { is } from '../../packet/condition.ts';
import { ctStates } from '../../packet/field.ts';
import type { ProgramRule } from '../../packet/program.ts';
import { type Overridden, withoutRules } from '../../prove/questions.ts';
import type { FindingRule } from '../contract.ts';
import type { Evidence, Fix, Found, Severity } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deleting, evidenceOf, type HostRule, programFor } from '../host-rules.ts';
import { shellRule } from '../shell-words.ts';
import { listed } from '../words.ts';
import { chainWords, counted, isDockers, ownerOf, tableEvidence, iptablesTable } from '../places.ts';

const shown = 4;
const newConnection = [is({ kind: 'key', key: 'ct.state' }, ctStates.new)];

type Where = 'input' | 'forward';

/** Jumps to the operator's own chain are Docker's, and what is in it is not. */
const theirsOn = (host: AuditHost): ((rule: ProgramRule) => boolean) => {
  const theirs = new Set(host.rules().filter((one) => isDockers(one) && one.docker?.part !== 'user').map(({ rule }) => rule.origin)); // prettier-ignore
  return ({ origin }) => theirs.has(origin);
};

const isRule = (ours: Overridden['ours']): ours is ProgramRule => 'origin' in ours;

/** The last rule of a built-in chain that asks nothing is a policy by other means. */
const isPolicyLike = ({ rule: { selector, matches, action }, chain }: HostRule): boolean =>
  chain.policy !== undefined &&
  Object.keys(selector).length === 0 &&
  matches.every(({ name }) => name === 'comment') &&
  action.kind !== 'jump' &&
  action.kind !== 'goto';

interface Ours {
  readonly subject: string;
  readonly words: string;
  readonly evidence: Evidence;
  readonly isPolicy: boolean;
  readonly rule: HostRule | undefined;
}

const oursOf = (host: AuditHost, { ours, table }: Overridden): Ours | undefined => {
  if (isRule(ours)) {
    const rule = host.ruleOf(ours);
    if (!rule) return undefined;
    const owner = ownerOf(rule);
    return {
      subject: `${chainWords(rule)}: ${rule.text}`,
      words: `a rule of ${owner === 'operator' ? 'the operator' : owner} in ${chainWords(rule)}`,
      evidence: evidenceOf(rule, 'never sees them'),
      isPolicy: isPolicyLike(rule),
      rule,
    };
  }
  const made = iptablesTable(host, table);
  if (!made) return undefined;
  const place = `${made.family} ${made.name} ${ours.name}`;
  return {
    subject: `${place}: policy DROP`,
    words: `the policy DROP of ${place}`,
    evidence: tableEvidence(made, `${ours.name} has policy DROP`),
    isPolicy: true,
    rule: undefined,
  };
};

/** A native chain in front of all is the only place that Docker does not put rules before. */
const onlyPeers = (family: Family): Fix => {
  const addresses = family === 'ip' ? 'ip saddr != { 192.0.2.11, 192.0.2.12 }' : 'ip6 saddr != { 2001:db8::11, 2001:db8::12 }'; // prettier-ignore
  return {
    what: 'let it in only from peers that you name, in a native chain in front (their addresses in place of these)',
    commands: [
      'nft add table inet peers',
      "nft add chain inet peers input '{ type filter hook input priority -5; policy accept; }'",
      `nft add rule inet peers input meta secpath exists udp dport 4789 ${addresses} drop`,
    ],
  };
};

const fixOf = (host: AuditHost, where: Where, { rule, isPolicy }: Ours, first: HostRule): readonly Fix[] => {
  const { family } = first.table;
  const program = programFor(first.table);
  const again = rule && !isPolicy ? [rule] : [];
  if (where === 'input')
    return [onlyPeers(family), ...again.map((one) => ({ what: 'or put the rule first; Docker may insert others above it later', commands: [deleting(one), `${program} -I INPUT 1 ${shellRule(one.text)}`] }))]; // prettier-ignore
  const hasUser = host.rules().some((one) => one.table === first.table && one.docker?.part === 'user' && one.chain.name === 'FORWARD'); // prettier-ignore
  const chain = hasUser ? 'DOCKER-USER' : 'FORWARD';
  const [own] = again;
  if (own)
    return [{ what: "put the rule where it is asked before Docker's", commands: [`${program} -I ${chain} 1 ${shellRule(own.text)}`, deleting(own)] }]; // prettier-ignore
  const target = family === 'ip' ? '192.0.2.0/24' : '2001:db8::/32';
  return [{ what: `put what containers may not reach into ${chain} (the network in place of this one)`, commands: [`${program} -I ${chain} 1 -i docker0 -d ${target} -j DROP`] }]; // prettier-ignore
};

const severityOf = (where: Where, { isPolicy }: Ours, isDecrypted: boolean): Severity =>
  where === 'input' ? (isDecrypted ? 'medium' : 'high') : isPolicy ? 'low' : 'high';

const found = (host: AuditHost, family: Family, where: Where, one: Overridden): readonly Found[] => {
  const { ours, theirs, example } = one;
  const isTheirs = theirsOn(host);
  const about = oursOf(host, one);
  const first = theirs[0] && host.ruleOf(theirs[0]);
  // A policy of FORWARD keeps out what nobody speaks for: Docker's accepts are what it is made for.
  if (!about || !first || !example || (where === 'forward' && !isRule(ours))) return [];
  const { witness, verdict, deciders } = host.sendDecoded(example, where);
  const then = host.sendThrough(withoutRules(host.program(family), isTheirs), example, where);
  if (verdict !== 'accept' || !/^(?:drop|reject)/.test(then.verdict)) return [];
  const letsIn = deciders.some(({ line, file }) => theirs.some(({ origin }) => origin.line === line && origin.file === file)); // prettier-ignore
  if (!letsIn) return [];
  const isDecrypted = example.packet.keys.get('secpath') === 1;
  const rules = theirs.flatMap((rule) => host.ruleOf(rule) ?? []);
  const what = where === 'input' ? (isDecrypted ? 'decrypted VXLAN of an encrypted network' : 'packets for this host') : 'new connections'; // prettier-ignore
  return [
    {
      subject: about.subject,
      severity: severityOf(where, about, isDecrypted),
      what: `${counted(rules.length, 'rule')} of Docker in ${listed([...new Set(rules.map(chainWords))])} ${rules.length === 1 ? 'accepts' : 'accept'} ${what} that ${about.words} would have kept out.`,
      means:
        where === 'forward'
          ? 'What the rule says does not hold for containers: their traffic is let through before it is asked.'
          : isDecrypted
            ? 'Only peers that have the key of the network get this far. That Docker opened the host for them is nowhere to be seen but in this list.'
            : 'The host is open to these packets although its rules say that it is closed.',
      evidence: [...rules.slice(0, shown).map((rule) => evidenceOf(rule, 'lets them in')), about.evidence],
      witness,
      fix: fixOf(host, where, about, first),
    },
  ];
}; // prettier-ignore

const wheres = ['input', 'forward'] as const;

const find = (host: AuditHost): readonly Found[] =>
  host.rules().some(isDockers)
    ? host
        .families()
        .flatMap((family) =>
          wheres.flatMap((where) =>
            (host.proof(family).overridden(theirsOn(host), where, newConnection) ?? []).flatMap((one) =>
              found(host, family, where, one),
            ),
          ),
        )
    : [];

export const dockerOverridesOperator: FindingRule = {
  code: 'docker-overrides-operator',
  severity: 'high',
  job: 'ordering',
  title: "Docker's rules accept what the operator's rules would have kept out",
  about:
    "Docker puts its rules in front of those that are there. In FORWARD its ACCEPTs stand above the operator's DROPs, and in INPUT releases before 25.0 accept decrypted VXLAN of encrypted networks, which nothing announces. The prover compares the host with itself without Docker's rules and looks for new connections that only Docker's rules let in; the simulator confirms both.",
  silent:
    'FORWARD has policy DROP, and only that: Docker accepts what is published and drops the rest, as it is meant to. Rules in DOCKER-USER come first and are not overridden. What only a native chain drops is kept out, because an accept of iptables is not final there.',
  references: ['moby#4737', 'moby#22054'],
  needs: [],
  find,
};
