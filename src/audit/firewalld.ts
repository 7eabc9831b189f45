/** Whether firewalld is at work on a host: by its state, else by what it leaves in the rules. */
import type { AuditHost } from './host.ts';

const ownChain =
  /^(?:(?:INPUT|FORWARD|PREROUTING|POSTROUTING|OUTPUT)_(?:ZONES|direct)|(?:IN|FWD|FWDI|FWDO|PRE|POST)_[a-z]\w*)$/;

export const hasFirewalld = ({ around, host }: AuditHost): boolean =>
  around.firewalld?.running ??
  (host.listed.tables.some(({ name }) => name === 'firewalld') ||
    host.iptables.tables.some(({ chains }) => chains.some(({ name }) => ownChain.test(name))));
