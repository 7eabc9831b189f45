/** Ports that Docker publishes: their packets get a container's address before routing and never meet INPUT. */
import { recognise } from '../docker/recognise.ts';
import { registry } from '../extensions/registry.ts';
import { printRule } from '../iptables/print.ts';
import { isObject, type Json, property, textOf, whole } from '../nftables/json.ts';
import type { Rulesets } from './encrypted.ts';
import type { Family } from '../netfilter/family.ts';

export interface Published {
  readonly family: Family;
  readonly protocol: string;
  readonly port: string;
  /** The address of this host that it is published on; absent for all of them. */
  readonly address?: string;
  /** Where it goes: `172.17.0.2:80`. */
  readonly to: string;
  /** `anyone`: whoever reaches the host reaches it. `host`: published on a loopback address. */
  readonly exposure: 'anyone' | 'one address' | 'host';
}

const plain = (address: string): string => address.replace(/\/(?:32|128)$/, '');

const exposureOf = (address: string | undefined): Published['exposure'] => {
  if (address === undefined) return 'anyone';
  return /^(?:127\.|::1$)/.test(address) ? 'host' : 'one address';
};

const published = (part: Omit<Published, 'exposure'>): Published => ({ ...part, exposure: exposureOf(part.address) });

const natChains: ReadonlySet<string> = new Set(['DOCKER', 'DOCKER-INGRESS']);
const nobody: ReadonlySet<string> = new Set();

const ofIptables = ({ iptables }: Rulesets): readonly Published[] =>
  iptables.tables
    .filter(({ name }) => name === 'nat')
    .flatMap(({ family, chains }) =>
      chains
        .filter(({ name }) => natChains.has(name))
        .flatMap(({ name, rules }) =>
          rules.flatMap((rule): readonly Published[] => {
            const text = printRule(rule, family, registry);
            const { protocol, port, to, host } =
              recognise({ family, table: 'nat', chain: name, rule: text, nft: [] }, nobody)?.filled ?? {};
            if (protocol === undefined || port === undefined || to === undefined) return [];
            return [published({ family, protocol, port, to, ...(host === undefined ? {} : { address: plain(host) }) })];
          }),
        ),
    );

/** The right side of `PROTOCOL FIELD == …`. */
const equals = (statements: readonly Json[], field: string): readonly [string, Json] | undefined => {
  for (const statement of statements) {
    const match = property(statement, 'match');
    const payload = property(property(match, 'left'), 'payload');
    const right = property(match, 'right');
    if (textOf(payload, 'field') === field && right !== undefined && textOf(match, 'op') === '==')
      return [textOf(payload, 'protocol') ?? '', right];
  }
  return undefined;
};

const ofNative = ({ nft }: Rulesets): readonly Published[] =>
  nft.tables.flatMap(({ family, name, chains }): readonly Published[] => {
    if (name !== 'docker-bridges' || (family !== 'ip' && family !== 'ip6')) return [];
    return [...chains.values()].flatMap(({ rules }) =>
      rules.flatMap(({ statements }): readonly Published[] => {
        const nat = statements.map((statement) => property(statement, 'dnat')).find(isObject);
        const [protocol, port] = equals(statements, 'dport') ?? [];
        const [, address] = equals(statements, 'daddr') ?? [];
        const number = whole(port);
        if (!nat || protocol === undefined || number === undefined) return [];
        const to = `${textOf(nat, 'addr') ?? ''}:${whole(nat['port']) ?? ''}`;
        return [
          published({
            family,
            protocol,
            port: String(number),
            to,
            ...(typeof address === 'string' ? { address } : {}),
          }),
        ];
      }),
    );
  });

export const publishedPorts = (rules: Rulesets): readonly Published[] => {
  const all = [...ofIptables(rules), ...ofNative(rules)];
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
};
