import { field } from '../../nftables/build.ts';
import { defineMatch, type MatchExtension, translated } from '../contract.ts';
import { hopListing, hopOptions, hopTest } from '../hoplimit.ts';

export const ttl: MatchExtension = defineMatch({
  name: 'ttl',
  families: ['ip'],
  about: 'the time to live of the IPv4 header',
  kernel: 'net/netfilter/xt_hl.c ttl_mt',
  support: 'exact',
  options: hopOptions('--ttl'),
  atLeastOne: ['eq', 'lt', 'gt'],
  listing: hopListing('TTL', '--ttl'),
  translate: (info) => translated(hopTest(field('ip', 'ttl'), info)),
});
