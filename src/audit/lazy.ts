/** What is only made when somebody asks, and once. */
export const lazy = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** As `lazy`, one for each key. */
export const lazyBy = <K, T>(make: (key: K) => T): ((key: K) => T) => {
  const made = new Map<K, T>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key) as T;
  };
};

/** What follows from a host alone, made once and kept as long as the host. */
export const perHost = <H extends object, T>(make: (host: H) => T): ((host: H) => T) => {
  const made = new WeakMap<H, { readonly value: T }>();
  return (host) => {
    const known = made.get(host) ?? { value: make(host) };
    made.set(host, known);
    return known.value;
  };
};
