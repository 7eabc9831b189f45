/** A u32 program step by step, as net/netfilter/xt_u32.c u32_match_it goes through it. */
import { payload } from '../../packet/field.ts';
import type { MeaningContext } from '../contract.ts';
import { bytesWords, comparisonWords, type ProgramLine, selectionWords } from '../programline.ts';
import { masking, type Selection, selectAll, shiftLeft, shiftRight } from '../selection.ts';
import type { Step, U32Program, U32Test } from './program.ts';

/** Where `@` has gone: to a known place, or to one that the packet decides. */
interface Place {
  readonly base: 'nh' | 'th';
}

const hex = (value: number): string => `0x${value.toString(16)}`;

const isHeaderLength = ({ field, mask, shift }: Selection): boolean =>
  field.kind === 'payload' && field.base === 'nh' && field.offset === 0 && mask === 0x0f00_0000 && shift === 22;

const operate = (value: Selection, { operator, number }: Step): Selection =>
  operator === '&' ? masking(value, number) : operator === '<<' ? shiftLeft(value, number) : shiftRight(value, number);

interface Walk {
  place: Place | undefined;
  value: Selection | undefined;
}

const loadAt = (walk: Walk, offset: number): void => {
  walk.value = walk.place && selectAll(payload(walk.place.base, offset * 8, 32));
};

const loaded = ({ value }: Walk, offset: number, context: MeaningContext): string =>
  value?.field.kind === 'payload' ? bytesWords(value.field, context) : `bytes ${offset} to ${offset + 3} from there`;

/** A run of masks and shifts, which say nothing one by one. */
const operations = (steps: readonly Step[], walk: Walk, context: MeaningContext): ProgramLine => {
  const text = steps.map(({ operator, number }) => operator + hex(number)).join('');
  const { value } = walk;
  if (!value) return { text, about: 'masks and shifts them' };
  walk.value = steps.reduce(operate, value);
  const isLength = context.family === 'ip' && isHeaderLength(walk.value);
  const about = isLength
    ? 'leaves 4 times the header length field: how many bytes the IPv4 header has'
    : selectionWords(walk.value, context);
  return { text, about };
};

const jump = ({ number }: Step, walk: Walk, context: MeaningContext): ProgramLine => {
  const { value, place } = walk;
  const behind = context.family === 'ip' && place?.base === 'nh' && value !== undefined && isHeaderLength(value);
  walk.place = behind ? { base: 'th' } : undefined;
  loadAt(walk, number);
  const where = behind ? 'goes there' : 'goes as many bytes on';
  return { text: `@${hex(number)}`, about: `${where} and loads ${loaded(walk, number, context)}` };
};

const rangeWords = ([low, high]: readonly [number, number]): string =>
  low === high ? hex(low) : `${hex(low)}:${hex(high)}`;

const compare = (ranges: U32Test['ranges'], { value }: Walk, context: MeaningContext): ProgramLine => {
  const text = `=${ranges.map(rangeWords).join(',')}`;
  const sorted = ranges.filter(([low, high]) => low <= high);
  const meant = value ? `: ${comparisonWords(value, sorted, context)}` : '';
  return { text, about: `holds for ${sorted.length === 1 && sorted[0]?.[0] === sorted[0]?.[1] ? 'this number' : 'these numbers'}${meant}` }; // prettier-ignore
};

const explainTest = ({ offset, steps, ranges }: U32Test, context: MeaningContext): readonly ProgramLine[] => {
  const walk: Walk = { place: { base: 'nh' }, value: undefined };
  loadAt(walk, offset);
  const lines: ProgramLine[] = [{ text: hex(offset), about: `loads ${loaded(walk, offset, context)}` }];
  let run: Step[] = [];
  const flush = (): void => {
    if (run.length > 0) lines.push(operations(run, walk, context));
    run = [];
  };
  for (const step of steps)
    if (step.operator === '@') {
      flush();
      lines.push(jump(step, walk, context));
    } else run.push(step);
  flush();
  return [...lines, compare(ranges, walk, context)];
};

export const explainProgram = (program: U32Program, context: MeaningContext): readonly ProgramLine[] => [
  ...program.flatMap((test, i) => {
    const lines = explainTest(test, context);
    return i === 0 ? lines : [{ text: '&&', about: 'and also' }, ...lines];
  }),
  { text: '', about: 'Where a byte is not there, the program does not match.' },
];
