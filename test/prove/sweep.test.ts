import { writeFileSync } from 'node:fs';
import { it } from 'vitest';
import { proveTranslation, proofWords } from '../../src/cli/translate-proof.ts';
import { checkText } from '../../src/cli/check-report.ts';
import { readBooks, translateCase } from '../book.ts';
it('sweep', { timeout: 500_000 }, () => {
  const out: string[] = [];
  const count: Record<string, number> = {};
  for (const book of readBooks()) for (const one of book.cases) {
    if (!one.nft) continue;
    const { parsed, result } = translateCase(one);
    let words = ''; let v = 'error'; let text='';
    try {
      const c = proveTranslation(parsed.value, result.entries, JSON.stringify({ nftables: result.commands }));
      v = c.verdict; words = proofWords(c); if (v==='refuted') text = checkText(c,['A','B']);
      if (v==='proven' && c.assumed.length) v = 'proven-assuming';
    } catch (error) { words = (error as Error).stack?.split('\n').slice(0,4).join(' | ') ?? ''; }
    count[v] = (count[v] ?? 0) + 1;
    if (!v.startsWith('proven')) out.push(`${v} ${book.folder}/${book.file}: ${one.name} [${one.backend ?? 'nft'}${one.exactLegacy?' exact':''} ${one.family??'ip'} ${one.status ?? 'exact'} ${one.codes ?? ''}]\n   ${one.rule}\n   ${words}\n${text.split('\n').slice(1).filter(l=>!/ same$/.test(l)).map(l=>'      '+l).join('\n')}`);
  }
  writeFileSync('/tmp/sweep.txt', `${JSON.stringify(count)}\n${out.join('\n')}`);
});
