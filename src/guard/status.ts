/** How the guard stands: what is loaded against what was installed and against Docker's rules. Pure. */
import { commonVersions, recognise } from '../docker/recognise.ts';
import { versionWords } from '../docker/versions.ts';
import { registry } from '../extensions/registry.ts';
import { printRule } from '../iptables/print.ts';
import { type Json, listOf, property, textOf, whole } from '../nftables/json.ts';
import { compareTexts } from './compare.ts';
import { difference, enforcedIn, type Step } from './enforced.ts';
import { factsOf, type OverlayRule, translatedInput } from './encrypted.ts';
import { type EncryptedVni, vniKey } from './facts.ts';
import { type Host, isRead } from './host.ts';
import { ladderOf, type Rung } from './ladder.ts';
import { objectsOf } from './loaded.ts';
import { guardFamily, guardTableName } from './names.ts';
import { type ChangeGroup, changesOf } from './plan.ts';
import { type Published, publishedPorts } from './published.ts';
import type { Situation } from './situation.ts';
import { wantedOf } from './wanted.ts';

export interface StatusInput {
  readonly situation: Situation;
  /** What the kernel listed when the generation was loaded, or when it was last synchronised. */
  readonly recorded: Json | undefined;
  readonly mode: string | undefined;
  /** Sets that other programs fill. */
  readonly external: ReadonlySet<string>;
  readonly persistent: boolean;
  readonly watchPersistent: boolean;
  readonly host: Host;
  readonly now: Date;
}

export interface Counted {
  readonly chain: string;
  readonly comment: string;
  readonly packets: number;
  readonly bytes: number;
}

/** An encrypted network with what no rule of Docker does for it. */
export interface Unruled extends EncryptedVni {
  readonly lacks: readonly OverlayRule['does'][];
}

export interface Docker extends Step {
  /** Which releases write such rules; undefined if there are none. */
  readonly era: string | undefined;
  readonly version: string | undefined;
  readonly swarm: string | undefined;
  readonly enforced: readonly EncryptedVni[];
  readonly unruled: readonly Unruled[];
  /** Whether the engine says which networks there are. */
  readonly answers: boolean;
}

export interface Status {
  /** `unnamed`: a table of our name that no install has made, or whose mark somebody took away. */
  readonly guard: 'loaded' | 'absent' | 'unnamed';
  readonly mode: string | undefined;
  readonly generation: number | undefined;
  readonly confirmed: boolean;
  readonly pending: { readonly id: string; readonly secondsLeft: number; readonly previous: number | null } | undefined;
  readonly persistent: boolean;
  /** Whether `dnfw watch` runs from the next boot on. */
  readonly watchPersistent: boolean;
  /** Where the kernel has something else than what was loaded. */
  readonly drift: readonly ChangeGroup[];
  /** Whether there is a record to compare with. */
  readonly compared: boolean;
  readonly ladder: readonly Rung[];
  readonly counters: readonly Counted[];
  readonly docker: Docker;
  readonly published: readonly Published[];
  /** Where the records were wrong. */
  readonly repairs: readonly string[];
  /** What could not be read. */
  readonly gaps: readonly string[];
}

const countersIn = (listing: Json): readonly Counted[] =>
  objectsOf(listing).flatMap(({ kind, value }): readonly Counted[] => {
    if (kind !== 'rule') return [];
    const counter = listOf(property(value, 'expr'))
      .map((statement) => property(statement, 'counter'))
      .find((one) => one !== undefined);
    const [packets, bytes] = [whole(property(counter, 'packets')), whole(property(counter, 'bytes'))];
    if (packets === undefined || bytes === undefined) return [];
    const [chain = '', comment = ''] = [textOf(value, 'chain'), textOf(value, 'comment')];
    return [{ chain, comment, packets: Number(packets), bytes: Number(bytes) }];
  });

const eraOf = ({ iptables, nft }: Host): string | undefined => {
  if (nft.tables.some(({ name }) => name === 'docker-overlay')) return "Docker's own nft rules, 29.6.0 and later";
  const rules = iptables.tables.flatMap((table) =>
    [...translatedInput(table)].flatMap(([rule, exprs]) => {
      const text = printRule(rule, table.family, registry);
      return recognise({ family: table.family, table: 'filter', chain: 'INPUT', rule: text, nft: exprs }, new Set()) ?? []; // prettier-ignore
    }),
  );
  if (rules.length === 0) return undefined;
  const common = commonVersions(rules);
  return common.length === 0 ? 'rules of several releases' : versionWords(common);
};

const whatRulesDo: readonly OverlayRule['does'][] = ['drop', 'mark'];

/** Of networks that are used here, as far as that is known: Docker programs no rules for others. */
const unruledOf = (
  encrypted: readonly EncryptedVni[],
  rules: readonly OverlayRule[],
  { overlays }: Host,
): readonly Unruled[] => {
  const done = new Set(rules.map((rule) => `${vniKey(rule)} ${rule.does}`));
  const used = overlays && new Set(overlays.filter(({ isUsed }) => isUsed).flatMap(({ vnis }) => vnis));
  return encrypted
    .filter(({ vni }) => used === undefined || used.has(vni))
    .map((one) => ({ ...one, lacks: whatRulesDo.filter((does) => !done.has(`${vniKey(one)} ${does}`)) }))
    .filter(({ lacks }) => lacks.length > 0);
};

const dockerOf = (host: Host, listing: Json | undefined): Docker => {
  const enforced = listing === undefined ? [] : enforcedIn(listing);
  const { docker: info, overlays } = host;
  const { encrypted: rules, overlayRules } = factsOf(host);
  const { encrypted } = wantedOf({ rules, info, overlays, enforced, isRead: isRead(host), port: undefined }, 'keep');
  return {
    ...difference(enforced, encrypted),
    enforced,
    unruled: unruledOf(encrypted, overlayRules, host),
    era: eraOf(host),
    version: info?.version,
    swarm: info?.swarm,
    answers: overlays !== undefined,
  };
};

const pendingOf = ({ state: { pending } }: Situation, now: Date): Status['pending'] =>
  pending === null
    ? undefined
    : {
        id: pending.id,
        previous: pending.previous,
        secondsLeft: Math.max(0, Math.round((Date.parse(pending.deadline) - now.getTime()) / 1000)),
      };

export const statusOf = ({
  situation,
  recorded,
  mode,
  external,
  persistent,
  watchPersistent,
  host,
  now,
}: StatusInput): Status => {
  const { listing, mark, state, repairs } = situation;
  const compared = listing !== undefined && recorded !== undefined;
  const isSame = !compared || compareTexts(recorded, listing, { external }).same;
  const changes = isSame ? [] : changesOf(recorded, listing, external);
  return {
    guard: listing === undefined ? 'absent' : mark === undefined ? 'unnamed' : 'loaded',
    mode,
    generation: mark?.generation,
    confirmed: mark !== undefined && state.good === mark.generation && state.pending === null,
    pending: pendingOf(situation, now),
    persistent,
    watchPersistent,
    drift:
      isSame || changes.length > 0 ? changes : [{ head: 'the order of rules, or their comments, are different', changes: [] }], // prettier-ignore
    compared,
    ladder: ladderOf(host.listed, host.iptables),
    counters: listing === undefined ? [] : countersIn(listing),
    docker: dockerOf(host, listing),
    published: publishedPorts(host),
    repairs,
    gaps: host.gaps.map(({ what, why }) => `${what}: ${why}`),
  };
};

/** Chains that packets meet before the guard's, and those of which nobody knows. */
export const aheadOf = ({ ladder }: Status): readonly Rung[] => {
  const own = ladder.find(({ family, table }) => family === guardFamily && table === guardTableName);
  return own ? ladder.filter((rung) => rung !== own && rung.priority <= own.priority) : [];
};

/** Whether everything is as it should be: `dnfw status` then ends with 0. */
export const isSound = ({ guard, compared, drift, docker }: Status): boolean =>
  guard === 'loaded' && compared && drift.length === 0 && docker.missing.length === 0 && docker.stale.length === 0;
