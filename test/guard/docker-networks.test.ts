// What the engine says of overlay networks. The answers are those of a real Docker Engine 20.10.24, cut down.
import { describe, expect, it } from 'vitest';
import { askOverlays, readOverlays } from '../../src/guard/docker-networks.ts';
import { askDocker } from '../../src/guard/host.ts';
import { type Answer, dockerEnv, type Programs } from '../../src/guard/programs.ts';
import type { Json } from '../../src/nftables/json.ts';

const list = 'com.docker.network.driver.overlay.vxlanid_list';
const container = { '7e38f3533924': { Name: 'on-secret' } };

const network = (name: string, vnis: string, more: { readonly [name: string]: Json }, containers: Json): Json => ({ Name: name, Driver: 'overlay', Scope: 'swarm', Containers: containers, Options: { [list]: vnis, ...more } }); // prettier-ignore

describe('docker network inspect', () => {
  it.each<readonly [string, Json, object]>([
    ['one that is used', network('secret', '4097', { encrypted: '' }, container), { vnis: [4097], isEncrypted: true, isUsed: true }],
    ['with two subnets', network('two', '4099,4100', { encrypted: '' }, container), { vnis: [4099, 4100] }],
    ['with the load balancer alone', network('s', '4098', { encrypted: '' }, { 'lb-s': { Name: 's-endpoint' } }), { isUsed: true }],
    // Measured: the engine programs all rules for it.
    ['made with encrypted=false', network('x', '4101', { encrypted: 'false' }, container), { isEncrypted: true }],
    ['plain', network('plain', '4096', {}, container), { isEncrypted: false, isUsed: true }],
    ['that a manager knows and does not use', network('unused', '4102', { encrypted: '' }, {}), { isUsed: false }],
    ['that nobody ever used', network('unused', '4102', { encrypted: '' }, null), { isUsed: false }],
  ])('%s', (_, one, expected) => {
    expect(readOverlays([one])).toMatchObject([expected]);
  }); // prettier-ignore

  it('leaves out networks of other drivers', () => {
    expect(readOverlays([{ Name: 'bridge', Driver: 'bridge' }])).toEqual([]);
  });

  it.each<Json>([null, {}, 'x', [network('secret', '', { encrypted: '' }, container)], [network('secret', '4097,x', { encrypted: '' }, container)], [network('secret', '16777216', { encrypted: '' }, container)]])('%j is no answer', (answer) => {
    expect(readOverlays(answer)).toBeUndefined();
  }); // prettier-ignore
});

const text = (of: unknown): Answer => ({ kind: 'text', text: typeof of === 'string' ? of : JSON.stringify(of) });
const failed: Answer = { kind: 'failed', why: 'no' };
const missing: Answer = { kind: 'missing' };

/** Answers in turn for each question; the last one again. */
const engine = (answers: Readonly<Record<string, readonly Answer[]>>): Programs & { readonly asked: readonly string[] } => {
  const asked: string[] = [];
  return {
    asked,
    ask: (program, args, seconds) => {
      const name = args.slice(0, args[0] === 'network' ? 2 : 1).join(' ');
      const turn = asked.filter((one) => one.startsWith(name)).length;
      asked.push(args.join(' '));
      expect({ program, seconds }).toEqual({ program: 'docker', seconds: 1 });
      const all = answers[name] ?? [];
      return Promise.resolve(all[turn] ?? all.at(-1) ?? missing);
    },
  };
}; // prettier-ignore

const secret = network('secret', '4097', { encrypted: '' }, container);

describe('asking the engine', () => {
  it('names the networks that it listed', async () => {
    const docker = engine({ 'network ls': [text('6z2cjc8iuzk7\nabc\n')], 'network inspect': [text([secret])] });
    expect(await askOverlays(docker)).toMatchObject([{ name: 'secret' }]);
    expect(docker.asked.at(-1)).toBe('network inspect 6z2cjc8iuzk7 abc');
  });

  it('does not ask about no network', async () => {
    expect(await askOverlays(engine({ 'network ls': [text('')] }))).toEqual([]);
  });

  it('asks again if a network went between the questions, and once only', async () => {
    const goes = engine({ 'network ls': [text('a\nb\n'), text('b\n')], 'network inspect': [failed, text([secret])] });
    expect(await askOverlays(goes)).toMatchObject([{ name: 'secret' }]);
    const fails = engine({ 'network ls': [text('a\n')], 'network inspect': [failed] });
    expect(await askOverlays(fails)).toBeUndefined();
    expect(fails.asked).toHaveLength(4);
  });

  it.each([
    ['does not answer', { 'network ls': [failed] }],
    ['is missing', {}],
    ['says something else', { 'network ls': [text('Emulate Docker CLI using podman\n')] }],
    ['is cut off', { 'network ls': [text('a\n')], 'network inspect': [text('[{"Name"')] }],
  ])('one that %s says nothing', async (_, answers) => {
    expect(await askOverlays(engine(answers))).toBeUndefined();
  });

  it('no networks of something that is no engine are no answer', async () => {
    const info = { ServerVersion: '28.5.2', Swarm: { NodeAddr: '10.0.0.1' } };
    expect(await askDocker(engine({ 'network ls': [text('')], info: [text({ host: {} })] }))).toEqual({ info: undefined, overlays: undefined }); // prettier-ignore
    expect((await askDocker(engine({ 'network ls': [text('')], info: [text(info)] }))).overlays).toEqual([]);
  });
});

describe('which engine is asked', () => {
  it.each([
    [undefined, ''],
    ['unix:///run/other.sock', 'unix:///run/other.sock'],
    ['tcp://127.0.0.1:2375', 'tcp://127.0.0.1:2375'],
    ['tcp://10.0.0.5:2375', ''],
    ['ssh://root@far', ''],
    ['tcp://localhost.example.org:2375', ''],
  ])('DOCKER_HOST=%s: never one of another host', (host, expected) => {
    expect(dockerEnv({ DOCKER_HOST: host, DOCKER_CONTEXT: 'far' })).toEqual({ DOCKER_CONTEXT: 'default', DOCKER_HOST: expected }); // prettier-ignore
  });
});
