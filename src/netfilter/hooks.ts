/** Hooks, tables and priorities as the kernel's uapi headers number them (include/uapi/linux/netfilter_ipv4.h). */
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

export const hooks: readonly Hook[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

export type TableName = 'raw' | 'mangle' | 'nat' | 'filter' | 'security';

export type BuiltInChain = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT' | 'POSTROUTING';

export const hookOf: Readonly<Record<BuiltInChain, Hook>> = {
  PREROUTING: 'prerouting',
  INPUT: 'input',
  FORWARD: 'forward',
  OUTPUT: 'output',
  POSTROUTING: 'postrouting',
};

/** The built-in chains of each table, in the order in which iptables-save prints them. */
export const builtInChains: Readonly<Record<TableName, readonly BuiltInChain[]>> = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  security: ['INPUT', 'FORWARD', 'OUTPUT'],
};

export const tableNames: readonly TableName[] = ['raw', 'mangle', 'nat', 'filter', 'security'];

export const isTableName = (name: string): name is TableName => Object.hasOwn(builtInChains, name);

export const isBuiltInChain = (name: string): name is BuiltInChain => Object.hasOwn(hookOf, name);

/** The priority at which iptables hooks a built-in chain; nat depends on the hook (NF_IP_PRI_NAT_DST and _SRC). */
export const priorityOf = (table: TableName, hook: Hook): number => {
  switch (table) {
    case 'raw':
      return -300;
    case 'mangle':
      return -150;
    case 'nat':
      return hook === 'prerouting' || hook === 'output' ? -100 : 100;
    case 'filter':
      return 0;
    case 'security':
      return 50;
  }
};
