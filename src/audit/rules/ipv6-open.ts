/** IPv4 is closed but for what is named, IPv6 of the same host is open. */
import { printAddress } from '../../netfilter/address.ts';
import type { FindingRule } from '../contract.ts';
import type { Exposed } from '../exposure.ts';
import type { Evidence, Found } from '../finding.ts';
import type { AuditHost } from '../host.ts';
import { deciderOf, evidenceOfDecider } from '../openings.ts';
import { fromDoor, type Passage, type Probes, selfContained } from '../probe.ts';
import { neutralPort } from '../reaching.ts';
import type { Door } from '../vantage.ts';

const sentBy = (probes: Probes, doors: readonly Door[], port: number): readonly Passage[] =>
  doors.map((door) => fromDoor(probes, door, { protocol: 'tcp', port }));

/** Sockets that IPv6 reaches and IPv4 does not. */
const onlyBySix = (host: AuditHost): readonly Exposed[] => {
  const { exposed } = host.exposure();
  const isOpen = ({ row: { reach } }: Exposed): boolean => reach.anywhere === 'open' || reach.network === 'open';
  const four = exposed.filter(({ row }) => row.family === 'ip');
  return exposed.filter(
    (one) =>
      one.row.family === 'ip6' &&
      one.row.kind === 'listening' &&
      isOpen(one) &&
      !four.some(
        (other) => other.row.port === one.row.port && other.row.protocol === one.row.protocol && isOpen(other),
      ),
  );
};

const shownSockets = 6;

const socketWords = ({ row: { port, protocol, behind } }: Exposed): string =>
  `${port}/${protocol}${behind === '' ? '' : ` (${behind})`}`;

const policyOf = (host: AuditHost): Evidence => {
  const table = host.host.iptables.tables.find(({ family, name }) => family === 'ip6' && name === 'filter');
  const input = table?.chains.find(({ name }) => name === 'INPUT');
  const rules = input?.rules.length ?? 0;
  return {
    file: table?.file ?? host.files[0] ?? '',
    line: 0,
    text: `IPv6: policy of INPUT: ${(input?.policy ?? 'ACCEPT').toLowerCase()}, ${rules === 1 ? '1 rule' : `${rules} rules`}`,
    note: 'lets it in',
  };
};

const find = (host: AuditHost): readonly Found[] => {
  const [four, six] = [host.probes('ip'), host.probes('ip6')];
  if (four.isPartial || six.isPartial) return [];
  const from = (['anywhere', 'network'] as const).find(
    (one) => (six.vantage[one]?.length ?? 0) > 0 && (four.vantage[one]?.length ?? 0) > 0,
  );
  if (from === undefined) return [];
  const port = neutralPort(host, 'ip');
  const kept = sentBy(four, four.vantage[from] ?? [], port);
  const open = sentBy(six, six.vantage[from] ?? [], neutralPort(host, 'ip6'));
  const [keptOut] = kept;
  const letIn = open.find(({ reach, at }) => reach === 'open' && at === 'host');
  const isSure = six.vantage.isStandIn ? open.every(({ reach }) => reach === 'open') : letIn !== undefined;
  if (!keptOut || !letIn || !isSure || kept.some(({ reach }) => reach !== 'closed')) return [];
  const [closed, sent] = [host.send('ip', selfContained(keptOut)), host.send('ip6', selfContained(letIn))];
  const decider = deciderOf(closed);
  if (sent.verdict !== 'accept' || !decider) return [];
  const sockets = onlyBySix(host);
  const knowsSockets = !host.absent.has('sockets');
  const listed = sockets.slice(0, shownSockets).map(socketWords).join(', ');
  const last = deciderOf(sent);
  const own = six.vantage[from]?.[0];
  return [
    {
      subject: 'INPUT',
      ...(sockets.length > 0 ? { severity: 'high' as const } : {}),
      what: `INPUT of IPv4 keeps out what it does not name, INPUT of IPv6 lets new connections in ${from === 'anywhere' ? 'from anywhere' : 'from the directly connected network'}${sockets.length > 0 ? `: ${listed}${sockets.length > shownSockets ? ` and ${sockets.length - shownSockets} more` : ''} ${sockets.length === 1 ? 'is' : 'are'} reached by IPv6 only` : ''}.`,
      means: `Whoever has an IPv6 address of this host${own && !six.vantage.isStandIn ? ` (${printAddress(own.address, 'ip6')})` : ''} comes past the rules of IPv4${knowsSockets && sockets.length === 0 ? '; no socket is reached by it now that IPv4 keeps closed' : ''}. Docker's proxy, unless it is switched off, takes published ports on IPv6 as well.`,
      evidence: [
        evidenceOfDecider(host, 'ip', decider, 'IPv4: keeps it out'),
        last?.kind === 'rule' ? evidenceOfDecider(host, 'ip6', last, 'lets it in') : policyOf(host),
      ],
      witness: sent.witness,
      fix: [
        {
          what: 'install the guard, whose policy is about both families',
          commands: ['dnfw install --from-host'],
        },
        {
          what: 'or write the rules for IPv6; without ICMPv6 it does not work at all',
          commands: [
            'ip6tables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
            'ip6tables -A INPUT -i lo -j ACCEPT',
            'ip6tables -A INPUT -p ipv6-icmp -j ACCEPT',
            'ip6tables -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
            'ip6tables -P INPUT DROP',
          ],
        },
      ],
    },
  ];
};

export const ipv6Open: FindingRule = {
  code: 'ipv6-open',
  severity: 'medium',
  job: 'exposure',
  title: 'IPv4 is restricted, IPv6 is open',
  about:
    'iptables and ip6tables are two sets of rules. A new connection to a port that no rule names is sent to the host by IPv4 and by IPv6: IPv4 keeps it out, IPv6 lets it in. Where listening sockets are known, those that are reached by IPv6 only are named, and the severity is high.',
  silent:
    'The rules of one family are not given, the host has no address of IPv6, IPv4 is open itself, or it depends on what is not known.',
  needs: [],
  find,
};
