/** The formats of a report by their names. */
import type { Format } from './format.ts';
import { htmlPage } from './html.ts';
import { json } from './json.ts';
import { junit } from './junit.ts';
import { markdown } from './markdown.ts';
import { sarif } from './sarif.ts';
import { text } from './text.ts';

export const formatNames = ['text', 'json', 'sarif', 'markdown', 'html', 'junit'] as const;
export type FormatName = (typeof formatNames)[number];

export const formats: Readonly<Record<FormatName, Format>> = { text, json, sarif, markdown, html: htmlPage, junit };
