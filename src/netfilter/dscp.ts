/** Names of differentiated services code points (IANA "DSCP Pools 1 and 3") and of the older type-of-service values. */

// prettier-ignore
export const dscpClasses: Readonly<Record<string, number>> = {
  CS0: 0x00, CS1: 0x08, CS2: 0x10, CS3: 0x18, CS4: 0x20, CS5: 0x28, CS6: 0x30, CS7: 0x38, BE: 0x00,
  AF11: 0x0a, AF12: 0x0c, AF13: 0x0e, AF21: 0x12, AF22: 0x14, AF23: 0x16, AF31: 0x1a, AF32: 0x1c, AF33: 0x1e,
  AF41: 0x22, AF42: 0x24, AF43: 0x26, EF: 0x2e,
};

/** A code point by class name in any case. */
export const dscpByClass = (name: string): number | undefined => {
  const upper = name.toUpperCase();
  return Object.hasOwn(dscpClasses, upper) ? dscpClasses[upper] : undefined;
};

/** RFC 1349 names; they say nothing about the two highest bits. */
export const tosNames: Readonly<Record<string, number>> = {
  'Minimize-Delay': 0x10,
  'Maximize-Throughput': 0x08,
  'Maximize-Reliability': 0x04,
  'Minimize-Cost': 0x02,
  'Normal-Service': 0x00,
};
