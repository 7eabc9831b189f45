import { it } from 'vitest';
import { readPacket } from '../../src/packet/words.ts';
it('x', () => {
  console.log(JSON.stringify(readPacket('hook=forward in=br-50a3f22f0f5f out=br-bde32de3319d0 bytes=45000028000000004006148bc6336407cb00710ac00012b500000000000000005002faf07bf60000 secpath=no'), (_k, v) => typeof v === 'bigint' ? String(v) : v));
});
