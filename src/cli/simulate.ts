/** `dnfw simulate`: one packet through the rulesets of a host, and what becomes of it. */
import { type Diagnostic, isError, type Outcome } from '../diagnostics/diagnostic.ts';
import { factsFor, type Network } from '../guard/network.ts';
import type { Family } from '../netfilter/family.ts';
import type { Hook } from '../netfilter/hooks.ts';
import { readHex } from '../packet/hex.ts';
import { packetJson } from '../packet/json.ts';
import { readPcap, writePcap } from '../packet/pcap.ts';
import { type Captured, readPacket, type SaidPacket } from '../packet/words.ts';
import type { Facts } from '../simulate/facts.ts';
import { hostOf } from '../simulate/host.ts';
import { printSimulation } from '../simulate/print.ts';
import { type Simulation, simulate } from '../simulate/simulate.ts';
import { exit, type ExitStatus } from './exit.ts';
import { readBytes, readInput, writeAtomically, writeOut } from './files.ts';
import { hostRuleset, hostsIn } from './given.ts';
import { misusedTable } from './inputs.ts';
import { familiesOf, type LoadedRuleset, programOf, readHost, type RulesetFlags } from '../simulate/rulesets.ts';
import type { SaidLocal, SaidRoute } from './simulate-options.ts';
import { report, say } from './terminal.ts';

export interface SimulateFlags extends RulesetFlags {
  readonly packet?: string;
  readonly hex?: string;
  readonly pcap?: string;
  readonly index?: number;
  readonly hook?: Hook;
  readonly route?: readonly SaidRoute[];
  readonly local?: readonly SaidLocal[];
  readonly pcapOut?: string;
  readonly json?: boolean;
  readonly all?: boolean;
}

const usage = (what: string, help?: string): Diagnostic => ({
  code: 'usage',
  severity: 'error',
  what,
  ...(help === undefined ? {} : { help }),
});

interface Read<T> {
  readonly value: T | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

const readCapture = (path: string, index: number): Read<Captured> => {
  const { value, diagnostics } = readPcap(readBytes(path), path);
  if (diagnostics.some(isError)) return { value: undefined, diagnostics };
  const packet = value.packets.find(({ number }) => number === index);
  const numbers = value.packets.map(({ number }) => number);
  if (packet) return { value: packet, diagnostics: packet.diagnostics };
  const there = numbers.length === 0 ? 'it has no IPv4 or IPv6 packet' : `its packets are ${numbers.at(0)} to ${numbers.at(-1)}`; // prettier-ignore
  return { value: undefined, diagnostics: [usage(`${path} has no IPv4 or IPv6 packet number ${index}`, there)] };
};

/** The bytes that a file gives, if one is named. */
const readCaptured = ({ hex, pcap, index }: SimulateFlags): Read<Captured> => {
  if (pcap !== undefined) return readCapture(pcap, index ?? 1);
  if (hex === undefined) return { value: undefined, diagnostics: [] };
  const { name, text } = readInput(hex);
  const { value, diagnostics } = readHex(text, name);
  return { value, diagnostics: [...diagnostics, ...(value?.diagnostics ?? [])] };
};

const readSaid = (flags: SimulateFlags): Read<SaidPacket> => {
  const captured = readCaptured(flags);
  if (captured.diagnostics.some(isError)) return { value: undefined, diagnostics: captured.diagnostics };
  const words = flags.hook === undefined ? (flags.packet ?? '') : `hook=${flags.hook} ${flags.packet ?? ''}`;
  const said = readPacket(words, captured.value);
  return { value: said.value, diagnostics: [...captured.diagnostics, ...said.diagnostics] };
};

/** What the command line says, and what is known of the host. */
const factsOf = ({ route = [], local = [] }: SimulateFlags, networks: readonly Network[], family: Family): Facts => {
  const known = networks.map((network) => factsFor(network, family));
  return {
    routes: [...route.filter((one) => one.family === family), ...known.flatMap(({ routes }) => routes)],
    locals: [...local.filter((one) => one.family === family), ...known.flatMap(({ locals }) => locals)],
  };
};

const asJson = (found: Simulation, { packet, hook, assumed }: SaidPacket): string => {
  const { verdict, detail, unknown, ways } = found;
  const document = {
    schemaVersion: 1,
    verdict,
    detail,
    dependsOn: unknown,
    packet: packetJson(packet, hook),
    assumed,
    ways,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
};

/** What speaks against the command line before anything is read. */
const misuse = (flags: SimulateFlags): Diagnostic | undefined => {
  if (flags.packet === undefined && flags.hex === undefined && flags.pcap === undefined)
    return usage('there is no packet', 'give it with --packet, --hex or --pcap');
  if (flags.hex !== undefined && flags.pcap !== undefined) return usage('--hex and --pcap both give the packet');
  if (flags.index !== undefined && flags.pcap === undefined) return usage('--index counts the packets of --pcap');
  if (flags.hook !== undefined && /(?:^|\s)hook=/.test(flags.packet ?? ''))
    return usage('--hook and hook= in --packet both say where the packet starts');
  return undefined;
};

/** Nothing is simulated beside an error; what was assumed about the rest is then noise. */
const refused = (diagnostics: readonly Diagnostic[]): boolean => {
  const wrong = diagnostics.some(isError);
  report(wrong ? diagnostics.filter(({ severity }) => severity !== 'note') : diagnostics);
  return wrong;
};

/** All files as the rulesets of one host; a capture also has its addresses and routes. */
const readRules = async (
  files: readonly string[],
  flags: SimulateFlags,
): Promise<Outcome<{ readonly loaded: readonly LoadedRuleset[]; readonly networks: readonly Network[] }>> => {
  const { value, diagnostics } = await hostsIn(files.map(readInput), flags);
  const misused = misusedTable(value.rest, flags.table, flags.from);
  const given = readHost(value.rest, flags);
  return {
    value: { loaded: [...value.hosts.map(hostRuleset), ...given.value], networks: value.hosts },
    diagnostics: [...(misused ? [misused] : []), ...diagnostics, ...given.diagnostics],
  };
};

export const simulatePacket = async (files: readonly string[], flags: SimulateFlags): Promise<ExitStatus> => {
  const wrong = misuse(flags);
  if (wrong) {
    report([wrong]);
    return exit.usage;
  }
  const said = readSaid(flags);
  if (refused(said.diagnostics) || !said.value) return exit.usage;
  const { value: rules, diagnostics } = await readRules(files, flags);
  if (refused(diagnostics)) return exit.usage;
  const { packet, hook, assumed } = said.value;
  const { family } = packet;
  const concerned = rules.loaded.filter((one) => familiesOf(one).has(family));
  if (concerned.length === 0)
    say(`dnfw: none of the rulesets has tables for ${family === 'ip' ? 'IPv4' : 'IPv6'}: nothing stops this packet`);
  const host = hostOf(
    concerned.map((one) => programOf(one, family)),
    family,
    factsOf(flags, rules.networks, family),
  );
  const found = simulate(host, packet, hook ? { start: hook } : {});
  if (flags.pcapOut !== undefined) writeAtomically(flags.pcapOut, [writePcap([packet])]);
  const text = flags.json
    ? asJson(found, said.value)
    : printSimulation(found, { all: flags.all ?? false, packet: said.value.given.join(' '), assumed });
  writeOut([text]);
  return found.verdict === 'unknown' ? exit.unknown : exit.done;
};
