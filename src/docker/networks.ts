/** What `docker network inspect` says of networks. */
import { isObject, type Json, listOf, property, text, textOf } from '../nftables/json.ts';

export interface NetworkMember {
  readonly name: string;
  /** With the length of its network, as the engine prints it; empty where it has none. */
  readonly ipv4: string;
  readonly ipv6: string;
}

export interface DockerNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly scope: string;
  readonly internal: boolean;
  /** The network of the routing mesh. */
  readonly ingress: boolean;
  /** Whether its VXLAN is to be encrypted (`--opt encrypted`). */
  readonly encrypted: boolean;
  /** One for each subnet of an overlay. */
  readonly vnis: readonly number[];
  readonly subnets: readonly string[];
  /** The device of a bridge network. */
  readonly bridge: string | undefined;
  readonly options: ReadonlyMap<string, string>;
  /** On this host; a load balancer counts. */
  readonly members: readonly NetworkMember[];
}

const optionsOf = (network: Json): ReadonlyMap<string, string> => {
  const options = property(network, 'Options');
  const names = typeof options === 'object' && options !== null ? Object.keys(options) : [];
  return new Map(names.map((name) => [name, text(property(options, name)) ?? '']));
};

const membersOf = (network: Json): readonly NetworkMember[] => {
  const members = property(network, 'Containers');
  const ids = typeof members === 'object' && members !== null ? Object.keys(members) : [];
  return ids.map((id) => {
    const member = property(members, id);
    return {
      name: textOf(member, 'Name') ?? id,
      ipv4: textOf(member, 'IPv4Address') ?? '',
      ipv6: textOf(member, 'IPv6Address') ?? '',
    };
  });
};

/** The device of a bridge network without a name of its own (moby libnetwork drivers/bridge/bridge_linux.go). */
const bridgeOf = (driver: string, id: string, options: ReadonlyMap<string, string>): string | undefined =>
  driver === 'bridge' ? (options.get('com.docker.network.bridge.name') ?? `br-${id.slice(0, 12)}`) : undefined;

/**
 * The option alone counts, whatever its value (moby drivers/overlay/ov_network.go): a network that is made with
 * `--opt encrypted=false` is encrypted.
 */
const isEncrypted = (options: ReadonlyMap<string, string>): boolean => options.has('encrypted');

const largestVni = 0xff_ff_ff;

/** `4097,4098`; nothing at all if any part is no number of a VXLAN network. */
const vnisIn = (list: string): readonly number[] => {
  const words = list.split(',');
  const vnis = words.map(Number);
  return words.every((word) => /^\d+$/.test(word)) && vnis.every((vni) => vni <= largestVni) ? vnis : [];
};

/** The answer of `docker network inspect`: a list of networks. */
export const readNetworks = (answer: Json): readonly DockerNetwork[] =>
  listOf(answer).flatMap((network): readonly DockerNetwork[] => {
    if (!isObject(network)) return [];
    const id = textOf(network, 'Id') ?? '';
    const name = textOf(network, 'Name') ?? '';
    const driver = textOf(network, 'Driver') ?? '';
    const options = optionsOf(network);
    return [
      {
        id,
        name,
        driver,
        scope: textOf(network, 'Scope') ?? '',
        internal: property(network, 'Internal') === true,
        ingress: property(network, 'Ingress') === true,
        encrypted: isEncrypted(options),
        vnis: vnisIn(options.get('com.docker.network.driver.overlay.vxlanid_list') ?? ''),
        subnets: listOf(property(property(network, 'IPAM'), 'Config')).flatMap((one) => textOf(one, 'Subnet') ?? []),
        bridge: bridgeOf(driver, id, options),
        options,
        members: membersOf(network),
      },
    ];
  });
