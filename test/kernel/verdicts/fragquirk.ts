// Whether this kernel lets nft read ports from later fragments (nf_tables_core.c nft_payload_fast_eval): it is asked.
import { address, checksum, concat, u16, u8, write16 } from './bytes.ts';
import { interfaceNames, interfaces } from './lab.ts';
import type { Receivers } from './receivers.ts';

const place = { hook: 'prerouting', tracked: false } as const;
const port = 4789;

/** A later fragment whose first bytes look like a UDP header. */
const fragment = (): Uint8Array => {
  const body = u16(port, port, 8, 0);
  const head = concat(
    u8(0x45, 0),
    u16(20 + body.length, 1, 5),
    u8(64, 17),
    u16(0),
    address(0x0a000001n, 4),
    address(0x08080808n, 4),
  );
  write16(head, 10, checksum(head));
  const [name = 'eth0'] = interfaceNames;
  const mac = interfaces[name].split(':').map((part) => Number.parseInt(part, 16));
  return concat(u8(...mac), u8(...mac), u16(0x0800), head, body);
};

export const fragmentsAreRead = async (receivers: Receivers): Promise<boolean> => {
  const rule = {
    match: { op: '==', left: { payload: { protocol: 'udp', field: 'dport' } }, right: port },
  };
  const table = { family: 'ip', name: 'quirk' };
  const chain = {
    family: 'ip',
    table: 'quirk',
    name: 'look',
    type: 'filter',
    hook: 'prerouting',
    prio: 0,
    policy: 'accept',
  };
  const expr = [rule, { mangle: { key: { meta: { key: 'mark' } }, value: 1 } }];
  const add = [{ table }, { chain }, { rule: { family: 'ip', table: 'quirk', chain: 'look', expr } }];
  const load = async (nftables: readonly object[]): Promise<void> => {
    const error = await receivers.load('native', 'ip', JSON.stringify({ nftables }));
    if (error) throw new Error(error);
  };
  await load(add.map((object) => ({ add: object })));
  const { native } = await receivers.judge('ip', place, [{ through: 0, bytes: fragment() }]);
  await load([{ delete: { table } }]);
  const seen = native.seen.get(1);
  if (!seen) throw new Error('the laboratory lost a packet');
  return seen.mark === 1;
};
