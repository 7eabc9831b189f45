/** Time of day, weekday and date as `meta hour`, `meta day` and `meta time` know them, in UTC. */
import { type ValueType, named, number } from './values.ts';

const two = (value: number): string => String(value).padStart(2, '0');

/** Seconds since midnight. */
export const hour: ValueType = {
  read: (text) => {
    const parts = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
    if (!parts) return number(17).read(text);
    const [hours = 0, minutes = 0, seconds = 0] = parts.slice(1).map((part) => Number(part ?? 0));
    if (hours > 23 || minutes > 59 || seconds > 59)
      return { bad: `${text} is no time of day`, code: 'value-out-of-range', help: '00:00 to 23:59:59' };
    return BigInt(hours * 3600 + minutes * 60 + seconds);
  },
  print: (value) => {
    const seconds = Number(value);
    if (seconds >= 86400) return String(seconds);
    const minutes = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}`;
    return seconds % 60 === 0 ? minutes : `${minutes}:${two(seconds % 60)}`;
  },
};

/** Seconds since 1970. */
export const time: ValueType = {
  read: (text) => {
    if (!/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?)?$/.test(text)) {
      const found = number(40).read(text);
      return typeof found === 'object' && 'bad' in found && !found.code
        ? { bad: `"${text}" is neither a date nor seconds since 1970`, help: 'write 2025-01-31T23:59:59, in UTC' }
        : found;
    }
    const at = Date.parse(text.includes('T') ? `${text}Z` : text);
    // A day such as the 31st of April is moved on by some readers of dates: what is printed back has to be the same.
    const valid = !Number.isNaN(at) && at >= 0 && new Date(at).toISOString().startsWith(text);
    return valid ? BigInt(at / 1000) : { bad: `${text} is no date`, code: 'value-out-of-range' };
  },
  print: (value) => {
    const last = 253_402_300_799n;
    return value <= last ? new Date(Number(value) * 1000).toISOString().slice(0, 19) : String(value);
  },
};

export const day: ValueType = named(32, {
  sunday: 0,
  monday: 1,
  tuesday: 2,
  wednesday: 3,
  thursday: 4,
  friday: 5,
  saturday: 6,
  sun: 0,
  mon: 1,
  tue: 2,
  wed: 3,
  thu: 4,
  fri: 5,
  sat: 6,
});
