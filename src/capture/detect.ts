/** Whether a file is a capture, without reading it as one. */
import type { Input } from '../iptables/parse.ts';

/** In a string of JSON the quotes would have backslashes before them: whatever says this about itself is a capture. */
const saysSo = /"kind"\s*:\s*"dnfw-capture"/;

export const isCapture = ({ text }: Input): boolean => /^\ufeff?\s*\{/.test(text) && saysSo.test(text);
