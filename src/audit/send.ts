/** One packet through all rules of a host: what finding rules show as a witness. */
import { isError } from '../diagnostics/diagnostic.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { toHex } from '../packet/octets.ts';
import type { Packet } from '../packet/packet.ts';
import type { Oracle } from '../packet/view.ts';
import { printPacket } from '../packet/wordprint.ts';
import { readPacket } from '../packet/words.ts';
import type { Decoded } from '../prove/decode.ts';
import type { Host as SimulatedHost } from '../simulate/host.ts';
import { printSimulation } from '../simulate/print.ts';
import { simulate, type Simulation } from '../simulate/simulate.ts';
import type { RuleEvent } from '../simulate/trace.ts';
import type { Witness } from './finding.ts';

export interface Sent {
  /** `accept`, `drop`, `reject`, …, or `unknown` where it depends on what nobody has said. */
  readonly verdict: string;
  /** Rules that the packet met and that ended a chain's way, in order; those of the first way if there are several. */
  readonly deciders: readonly RuleEvent[];
  readonly packet: Packet;
  readonly simulation: Simulation;
  readonly witness: Witness;
}

const isDecider = (verdict: string | undefined): boolean =>
  verdict !== undefined && !/^(?:jump|goto|return|continue)\b/.test(verdict);

const sent = (
  host: SimulatedHost,
  packet: Packet,
  start: Hook | undefined,
  said: { readonly words: string; readonly assumed: readonly string[] },
  oracle?: Oracle,
): Sent => {
  const simulation = simulate(host, packet, { ...(start ? { start } : {}), ...(oracle ? { oracle } : {}) });
  const events = simulation.ways[0]?.events ?? [];
  const trace = printSimulation(simulation, { all: false, packet: said.words, assumed: said.assumed });
  return {
    packet,
    verdict: simulation.verdict,
    deciders: events.filter((event): event is RuleEvent => event.kind === 'rule' && isDecider(event.verdict)),
    simulation,
    witness: {
      family: packet.family,
      packet: said.words,
      hex: toHex(packet.bytes),
      hook: start ?? 'all',
      verdict: simulation.verdict,
      trace: trace.trimEnd().split('\n'),
    },
  };
};

/** A packet in the words of dnfw-simulate(1); `hook=` in it says where it starts. Words that cannot be read are a bug. */
export const sendWords = (host: SimulatedHost, words: string): Sent => {
  const { value, diagnostics } = readPacket(words);
  if (!value || diagnostics.some(isError))
    throw new Error(`the packet "${words}" cannot be read: ${diagnostics[0]?.what ?? ''}`);
  return sent(host, value.packet, value.hook, { words, assumed: value.assumed });
};

/** A packet that the prover has chosen, with the answers that it needs. */
export const sendDecoded = (host: SimulatedHost, { packet, oracle }: Decoded, hook: Hook): Sent =>
  sent(host, packet, hook, { words: printPacket(packet, hook), assumed: [] }, oracle);
