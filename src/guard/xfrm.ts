/** Ends of IPsec tunnels, from `ip xfrm policy` (ip-xfrm(8)): policies, not states, because states are printed with keys. */
import { type Peer, peerIn } from './docker-info.ts';

/** The destinations of outgoing ESP: of a template or, in transport mode without addresses, of its policy's selector. */
export const peersOfPolicies = (text: string): readonly Peer[] => {
  const found = new Map<string, Peer>();
  let selected: Peer | undefined;
  let outgoing = false;
  for (const line of text.split('\n')) {
    const selector = /^src \S+ dst (\S+)\/(?:32|128)\b/.exec(line);
    if (/^\S/.test(line)) selected = selector ? peerIn(selector[1] ?? '') : undefined;
    const direction = /^\s+dir (\w+)/.exec(line)?.[1];
    if (direction !== undefined) outgoing = direction === 'out';
    const template = /^\s+tmpl src \S+ dst (\S+)/.exec(line);
    if (!template || !outgoing) continue;
    const peer = peerIn(template[1] ?? '') ?? selected;
    if (peer) found.set(`${peer.family} ${peer.address}`, peer);
  }
  return [...found.values()];
};
