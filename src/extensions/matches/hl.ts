import { field } from '../../nftables/build.ts';
import { defineMatch, type MatchExtension, translated } from '../contract.ts';
import { hopCondition, hopListing, hopOptions, hopTest } from '../hoplimit.ts';
import { payload } from '../../packet/field.ts';

export const hl: MatchExtension = defineMatch({
  name: 'hl',
  families: ['ip6'],
  about: 'the hop limit of the IPv6 header',
  kernel: 'net/netfilter/xt_hl.c hl_mt6',
  support: 'exact',
  options: hopOptions('--hl'),
  atLeastOne: ['eq', 'lt', 'gt'],
  listing: hopListing('HL', '--hl'),
  translate: (info) => translated(hopTest(field('ip6', 'hoplimit'), info)),
  meaning: (info) => ({ condition: hopCondition(payload('nh', 56, 8), info) }),
});
