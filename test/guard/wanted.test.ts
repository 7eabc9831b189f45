// Which networks the guard shall enforce, by what rules, the engine and the guard itself say.
import { describe, expect, it } from 'vitest';
import type { DockerInfo } from '../../src/guard/docker-info.ts';
import type { OverlayNetwork } from '../../src/guard/docker-networks.ts';
import type { EncryptedVni } from '../../src/guard/facts.ts';
import { type Known, type OnSilence, wantedOf } from '../../src/guard/wanted.ts';

/** `4097`, `4097:4790`, `6/4097`. */
const vnis = (text: string): readonly EncryptedVni[] =>
  text.split(' ').flatMap((word) => {
    const [, six, vni, port] = /^(6\/)?(\d+)(?::(\d+))?$/.exec(word) ?? [];
    return vni === undefined ? [] : [{ family: six ? 'ip6' : 'ip', vni: Number(vni), port: Number(port ?? 4789) }];
  });

const words = (all: readonly EncryptedVni[]): string =>
  all.map(({ family, vni, port }) => `${family === 'ip6' ? '6/' : ''}${vni}${port === 4789 ? '' : `:${port}`}`).join(' '); // prettier-ignore

const overlay = (of: readonly number[], part: Partial<OverlayNetwork> = {}): OverlayNetwork => ({ name: 'x', vnis: of, isEncrypted: true, isUsed: true, ...part }); // prettier-ignore

const manager = (port: number | undefined, family: 'ip' | 'ip6' = 'ip'): DockerInfo => ({ version: '28.5.2', swarm: 'active', manager: port !== undefined, dataPathPort: port, own: { family, address: 1n }, peers: [] }); // prettier-ignore

interface Case {
  readonly rules?: string;
  readonly enforced?: string;
  readonly overlays?: readonly OverlayNetwork[];
  readonly info?: DockerInfo;
  readonly isRead?: boolean;
  readonly port?: number;
}

const known = ({ rules = '', enforced = '', overlays, info, isRead = true, port }: Case): Known => ({ rules: vnis(rules), enforced: vnis(enforced), overlays, info, isRead, port }); // prettier-ignore
const wanted = (of: Case, onSilence: OnSilence = 'keep'): string => words(wantedOf(known(of), onSilence).encrypted);

describe('the engine answers', () => {
  const info = manager(4789);

  it.each<readonly [string, Case, string]>([
    ['rules alone', { rules: '4097', overlays: [] }, '4097'],
    ['rules that were flushed', { enforced: '4097 4098', overlays: [overlay([4097, 4098])] }, '4097 4098'],
    ['some of them flushed', { rules: '4098', enforced: '4097 4098', overlays: [overlay([4097]), overlay([4098])] }, '4097 4098'],
    ['never enforced yet, no rules', { overlays: [overlay([4097])] }, '4097'],
    ['a network that is gone, as its rules', { enforced: '4097', overlays: [] }, ''],
    ['a network that is gone, its rules are not', { rules: '4097', enforced: '4097', overlays: [] }, '4097'],
    ['a number that a plain network has now', { enforced: '4097', overlays: [overlay([4097], { isEncrypted: false })] }, ''],
    ['one that this host does not use', { enforced: '4097', overlays: [overlay([4097], { isUsed: false })] }, ''],
  ])('%s', (_, of, expected) => {
    expect(wanted({ info, ...of })).toBe(expected);
    expect(wanted({ info, ...of }, 'follow')).toBe(expected);
  }); // prettier-ignore

  it('says whose word it is', () => {
    const { told, kept } = wantedOf(known({ info, rules: '4097', overlays: [overlay([4097]), overlay([4098])] }), 'keep'); // prettier-ignore
    expect([words(told), words(kept)]).toEqual(['4098', '']);
  });

  it.each<readonly [string, Case, string]>([
    ['a manager knows it', { info: manager(4790), enforced: '4097' }, '4097:4790'],
    ['its own rules tell', { rules: '4097:4790', enforced: '4097:4791' }, '4097:4790'],
    ['the guard tells', { rules: '4098:4790', enforced: '4097:4791' }, '4098:4790 4097:4791'],
    ['other rules tell', { rules: '4098:4790', enforced: '4099:4791' }, '4097:4790 4098:4790'],
    ['the operator tells', { enforced: '4099:4791', port: 4792 }, '4097:4792'],
    ['the rest of the guard tells', { enforced: '4099:4791' }, '4097:4791'],
    ['nobody tells', {}, '4097'],
  ])('the port: %s', (_, of, expected) => {
    expect(wanted({ info: manager(undefined), ...of, overlays: [overlay([4097])] })).toBe(expected);
  });

  it.each<readonly [string, Case, string]>([
    ['of the address that the node advertises', { info: manager(4789, 'ip6') }, '6/4097'],
    ['of what the guard enforces, if that is not known', { enforced: '6/4097' }, '6/4097'],
    ['IPv4 otherwise', {}, '4097'],
  ])('the family: %s', (_, of, expected) => {
    expect(wanted({ ...of, overlays: [overlay([4097])] })).toBe(expected);
  });
});

describe('the engine does not answer', () => {
  it.each<readonly [string, Case, string, string]>([
    ['all rules vanished', { enforced: '4097 4098' }, '4097 4098', ''],
    ['some vanished', { rules: '4097', enforced: '4097 4098' }, '4097', '4097'],
    ['all of one family vanished', { rules: '4097', enforced: '4097 6/4098' }, '4097 6/4098', '4097'],
    ['there never were any', {}, '', ''],
    ['rules came', { rules: '4097' }, '4097', '4097'],
  ])('%s', (_, of, keeping, following) => {
    expect([wanted(of, 'keep'), wanted(of, 'follow')]).toEqual([keeping, following]);
  });
});

it.each([{}, { overlays: [] }])('what was not read is not taken for gone: %j', (engine) => {
  const of: Case = { rules: '4097', enforced: '4097 4098', isRead: false, ...engine };
  expect([wanted(of, 'keep'), wanted(of, 'follow')]).toEqual(['4097 4098', '4097 4098']);
});
