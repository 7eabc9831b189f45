import { field } from '../../nftables/build.ts';
import { defineMatch, type MatchExtension, translated } from '../contract.ts';
import { hopCondition, hopListing, hopOptions, hopTest } from '../hoplimit.ts';
import { payload } from '../../packet/field.ts';

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
  meaning: (info) => ({ condition: hopCondition(payload('nh', 64, 8), info) }),
});
