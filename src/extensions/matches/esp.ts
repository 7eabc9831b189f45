import { esp as espNumber } from '../../netfilter/protocols.ts';
import { defineMatch, type MatchExtension, option } from '../contract.ts';
import { takeParts } from '../portlisting.ts';
import { isEverySpi, spiRange, spiTest, takeSpi } from '../spi.ts';
import { translateHeader } from '../transport.ts';
import { inRange, transportField, withHeader } from '../meaning.ts';

export const esp: MatchExtension = defineMatch({
  name: 'esp',
  families: ['ip', 'ip6'],
  about: 'the security parameter index of an ESP header',
  kernel: 'net/netfilter/xt_esp.c',
  support: 'guarded',
  notes: [
    'iptables, with either backend, drops an ESP packet with fewer than 8 bytes at this match and never matches later fragments, inverted or not.',
  ],
  protocols: [espNumber],
  implicit: true,
  options: {
    spi: option({
      name: '--espspi',
      value: spiRange,
      invertible: true,
      asksNothing: isEverySpi,
      about: 'security parameter index',
    }),
  },
  transport: () => true,
  listing: (text) => (/^esp(?= |$)/.test(text) ? takeParts(text, 3, (rest) => takeSpi('--espspi', rest)) : undefined),
  translate: ({ spi }, context) => translateHeader(spiTest('esp', spi), 8, context),
  meaning: ({ spi }, context) => withHeader(context, 8, spi ? [inRange(transportField(context, 0, 32), spi)] : []),
});
