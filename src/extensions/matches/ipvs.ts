import type { ValueType } from '../../iptables/grammar.ts';
import { defineMatch, type MatchExtension, option, refused } from '../contract.ts';
import { directionValue, protocolValue } from '../ctvalues.ts';
import { hostMask } from '../hostmask.ts';
import { parsePort } from '../ports.ts';
import { flag } from '../value.ts';
import { unmodelled } from '../../packet/condition.ts';

const port: ValueType<number> = {
  syntax: 'port',
  words: 1,
  parse: parsePort,
  print: String,
  samples: () => ['0', '80', '65535', 'ftp'],
};

const methods = ['GATE', 'IPIP', 'MASQ'] as const;

const method: ValueType<(typeof methods)[number]> = {
  syntax: '{GATE|IPIP|MASQ}',
  words: 1,
  parse: (text) =>
    methods.find((name) => name === text.toUpperCase()) ?? {
      bad: `"${text}" is not a forwarding method`,
      help: methods.join(', '),
    },
  print: (value) => value,
  samples: () => methods,
};

export const ipvs: MatchExtension = defineMatch({
  name: 'ipvs',
  families: ['ip', 'ip6'],
  about: 'the connection of a virtual server',
  kernel: 'net/netfilter/xt_ipvs.c ipvs_mt',
  support: 'refused',
  notes: ['nftables has no expression for connections of IP Virtual Server.'],
  options: {
    ipvs: option({
      name: '--ipvs',
      value: flag,
      invertible: true,
      about: 'the packet belongs to a virtual server connection',
    }),
    vproto: option({
      name: '--vproto',
      value: protocolValue,
      invertible: true,
      about: 'protocol of the virtual server',
    }),
    vaddr: option({ name: '--vaddr', value: hostMask, invertible: true, about: 'address of the virtual server' }),
    vport: option({ name: '--vport', value: port, invertible: true, about: 'port of the virtual server' }),
    vdir: option({ name: '--vdir', value: directionValue, about: 'direction of the packet within the connection' }),
    vmethod: option({ name: '--vmethod', value: method, invertible: true, about: 'how the packet is forwarded' }),
    vportctl: option({
      name: '--vportctl',
      value: port,
      invertible: true,
      about: 'port of the controlling connection',
    }),
  },
  atLeastOne: ['ipvs', 'vproto', 'vaddr', 'vport', 'vdir', 'vmethod', 'vportctl'],
  check: ({ ipvs: belongs, ...rest }) =>
    belongs?.inverted && Object.values(rest).some((given) => given !== undefined)
      ? { code: 'options-exclusive', option: 'ipvs', what: '! --ipvs excludes the other options' }
      : undefined,
  // All other options imply --ipvs, which is saved only by itself.
  canonical: ({ ipvs: belongs, ...rest }) =>
    belongs && (belongs.inverted || Object.values(rest).every((given) => given === undefined))
      ? { ipvs: belongs, ...rest }
      : rest,
  listing: (text) => {
    const words: string[] = [];
    let length = 0;
    for (;;) {
      const found = /^( ?)(! )?(ipvs|v(?:proto|addr|port|dir|method|portctl) \S+)(?= |$)/.exec(text.slice(length));
      if (!found || length > 0 !== (found[1] === ' ')) return length > 0 ? { words, length } : undefined;
      const [whole, , inverted, rest = ''] = found;
      words.push(...(inverted ? ['!'] : []), ...`--${rest}`.split(' '));
      length += whole.length;
    }
  },
  translate: () =>
    refused({
      code: 'no-native-form',
      what: 'nftables has no ipvs match',
      why: 'no nft expression reads the connection table of IP Virtual Server',
      help: 'leave the rule in iptables, or mark the virtual server’s packets before and match the mark',
    }),
  meaning: () => ({ condition: unmodelled('connections of IP Virtual Server (match ipvs)') }),
});
