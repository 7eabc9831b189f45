export type { ListingContext, ListingPart, ListingReader } from '../iptables/grammar.ts';
