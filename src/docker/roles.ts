/** Docker's own rules, recognised by what they mean in nft rather than by how they were spelt. */
import { match, P } from 'ts-pattern';
import type { Expression, Statement } from '../nftables/types.ts';

/**
 * What a rule of an encrypted Swarm overlay does (moby libnetwork/drivers/overlay/encryption.go): `mark` selects
 * outgoing VXLAN for IPsec, `accept` lets decrypted VXLAN in (before 25.0), `drop` keeps clear VXLAN out. `drop-any` is
 * the first era's drop (before 20.10.24 and 23.0.3): it drops decrypted VXLAN as well and relies on the accept above it.
 */
export interface OverlayRole {
  readonly role: 'mark' | 'accept' | 'drop' | 'drop-any';
  readonly vni: number;
  readonly port: number;
}

/** The mark that Docker's XFRM policies select by: 0xd0c4e3, all bits. */
const encryptionMark = 0xd0c4e3;

const keyOf = (expression: Expression): string => JSON.stringify(expression);
const vniLoad = keyOf({ '&': [{ payload: { base: 'th', offset: 96, len: 32 } }, 0xffffff00] });
const portLoad = keyOf({ payload: { protocol: 'udp', field: 'dport' } });
const securityPath = keyOf({ meta: { key: 'ipsec' } });

const valueOf = (statements: readonly Statement[], key: string): Expression | undefined => {
  for (const statement of statements)
    if ('match' in statement && statement.match.op === '==' && keyOf(statement.match.left) === key)
      return statement.match.right;
  return undefined;
};

/** The role of an nft rule, if it is one of Docker's for an encrypted overlay. */
export const overlayRole = (statements: readonly Statement[]): OverlayRole | undefined => {
  const constant = valueOf(statements, vniLoad);
  const port = valueOf(statements, portLoad);
  if (typeof constant !== 'number' || typeof port !== 'number' || constant % 256 !== 0) return undefined;
  const role = match({ path: valueOf(statements, securityPath), last: statements.at(-1) })
    .returnType<OverlayRole['role'] | undefined>()
    .with({ last: { mangle: { key: { meta: { key: 'mark' } }, value: encryptionMark } } }, () => 'mark')
    .with({ last: { accept: null }, path: true }, () => 'accept')
    .with({ last: { drop: null }, path: false }, () => 'drop')
    .with({ last: { drop: null }, path: P.nullish }, () => 'drop-any')
    .with(P._, () => undefined)
    .exhaustive();
  return role && { role, vni: constant / 256, port };
};

const words: Readonly<Record<OverlayRole['role'], string>> = {
  mark: 'marks outgoing VXLAN for encryption',
  accept: 'accepts decrypted VXLAN',
  drop: 'drops VXLAN that was not encrypted',
  'drop-any': 'drops VXLAN that the accept above did not take',
};

/** One line for people: what Docker wants with the rule. */
export const describeRole = ({ role, vni, port }: OverlayRole): string =>
  `Docker, encrypted overlay: ${words[role]}, VNI ${vni} (0x${vni.toString(16)}), port ${port}`;
