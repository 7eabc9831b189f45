// What a question leaves of a program answers the question as the whole program does.
import { describe, expect, it } from 'vitest';
import { auditHost } from '../../src/audit/host.ts';
import { clearVxlan, decryptedVxlan, incomingEsp, outgoingVxlan } from '../../src/audit/encryption/packets.ts';
import { everyAssumption } from '../../src/packet/assumption.ts';
import { letThrough, packetThat } from '../../src/prove/passing.ts';
import { readCases } from '../audit/cases.ts';

const hosts = [...readCases()].filter(([code]) => code.startsWith('overlay-') || code.startsWith('cve-')).flatMap(([, some]) => some); // prettier-ignore

const options = { assume: everyAssumption };
const overlay = { port: 4789, vni: 4097 };
const questions = [
  ['input', clearVxlan(overlay)],
  ['input', decryptedVxlan(overlay)],
  ['input', incomingEsp('new')],
  ['output', outgoingVxlan(overlay)],
] as const;

describe('slices', () => {
  it.each(hosts.filter((_, index) => index % 4 === 0).map((one) => [`${one.code}: ${one.name}`, one] as const))(
    '%s',
    (_, { source }) => {
      const program = auditHost(source).program('ip');
      for (const [hook, question] of questions) {
        const where = { hook, kind: 'filter' } as const;
        const [answer] = letThrough(program, where, [question], options);
        const whole = packetThat('passes', program, where, question, options);
        expect(answer?.example === undefined).toBe(whole === undefined);
      }
    },
  );
});
