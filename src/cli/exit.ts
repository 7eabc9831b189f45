/** What dnfw's exit status says; dnfw(8), EXIT STATUS. */
export const exit = {
  /** Yes, or done. */
  done: 0,
  /** The environment failed: a file, a program, a right. */
  environment: 1,
  /** The command line or an input cannot be read. */
  usage: 2,
  /** nft or the kernel is too old. */
  unsupported: 3,
  /** The kernel refused, or the change was rolled back. */
  refused: 4,
  /** Not everything could be translated. */
  untranslated: 10,
  /** An audit has findings of the severity that was asked for. */
  findings: 12,
  /** The guard is absent, or is not what was installed. */
  drifted: 13,
  /** There is no answer: something about the packet or the rules is not known. */
  unknown: 14,
  /** Two rulesets do not mean the same. */
  different: 11,
  /** A bug in dnfw. */
  bug: 70,
} as const;

export type ExitStatus = (typeof exit)[keyof typeof exit];
