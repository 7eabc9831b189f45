// Packets that are sent for real, and a chain behind all others that counts those that get in.
import { at, type Place, run, inside } from './cluster.ts';

const table = 'dnfw_live';

/** Behind the chains of all others; it decides nothing. */
const late = 300;

/** A VXLAN header (RFC 7348) with some bytes behind it. */
const vxlan = (vni: number): Buffer => {
  const packet = Buffer.alloc(8 + 42);
  packet.writeUInt8(0x08, 0);
  packet.writeUInt32BE(vni << 8, 4);
  return packet;
};

const sendScript = `
const [address, port, hex, times] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
let left = Number(times);
const next = () => (left-- > 0 ? socket.send(Buffer.from(hex, 'hex'), Number(port), address, () => setTimeout(next, 20)) : socket.close());
next();`;

const rule = (vni: number): string => `udp dport 4789 @th,96,32 & 0xffffff00 == ${vni << 8}`;

/** How many clear VXLAN packets of a network, out of `times`, get through all chains of the input hook. */
export const vxlanThatGetsIn = async (from: Place, to: Place, vni: number, times = 5): Promise<number> => {
  // A table that is deleted has to be there.
  await at(to, 'nft', `add table inet ${table}; delete table inet ${table}; add table inet ${table}; add chain inet ${table} late { type filter hook input priority ${late}; }; add rule inet ${table} late ip saddr ${from.address} ${rule(vni)} counter`); // prettier-ignore
  await at(from, process.execPath, '-e', sendScript, to.address, '4789', vxlan(vni).toString('hex'), String(times));
  const listed = await at(to, 'nft', 'list', 'chain', 'inet', table, 'late');
  await at(to, 'nft', `delete table inet ${table}`);
  return Number(/counter packets (\d+)/.exec(listed)?.[1]);
};

/** Whether a new connection is made within a second. */
export const connects = async (from: Place, to: Place, port: number): Promise<boolean> => {
  const script = `exec 3<>/dev/tcp/${to.address}/${port}`;
  return (await run(inside(from, 'timeout', '1', 'bash', '-c', script))).status === 0;
};
