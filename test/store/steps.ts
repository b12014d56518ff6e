/**
 * Lets a test decide who makes the next step. Every actor waits for its turn before each call; between two turns everything
 * comes to rest, so that one sequence of numbers is one interleaving, and a failure can be replayed and shrunk.
 */
export interface Steps {
  /** What an actor awaits before it does something that others may see. */
  turn(actor: string): Promise<void>;
  /** Starts an actor. */
  start(name: string, work: () => Promise<void>): void;
  /**
   * Runs until all have finished. `choose` picks among the actors that wait; `after` looks at the world between two
   * steps. An actor for which `choose` answers undefined for ever is as good as killed.
   */
  run(choose: (waiting: readonly string[]) => string | undefined, after: () => Promise<void>): Promise<void>;
}

export function createSteps(): Steps {
  const waiting = new Map<string, (() => void)[]>();
  const failures: unknown[] = [];
  const rest = (): Promise<void> =>
    new Promise((resolve) => {
      setImmediate(resolve);
    });
  return {
    turn: (actor) =>
      new Promise((resolve) => {
        waiting.set(actor, [...(waiting.get(actor) ?? []), resolve]);
      }),
    start: (name, work) => {
      work().catch((error: unknown) => {
        failures.push(error instanceof Error ? Object.assign(error, { actor: name }) : error);
      });
    },
    run: async (choose, after) => {
      for (;;) {
        await rest();
        if (failures.length > 0) throw failures[0];
        const actors = Array.from(waiting.keys());
        const chosen = actors.length === 0 ? undefined : choose(actors);
        if (chosen === undefined) return;
        const [first, ...others] = waiting.get(chosen) ?? [];
        if (others.length > 0) waiting.set(chosen, others);
        else waiting.delete(chosen);
        first?.();
        await rest();
        await after();
      }
    },
  };
}

/** The same object, whose methods wait for a turn; objects with methods that they return do so too. */
export function stepped<T extends object>(
  target: T,
  turn: () => Promise<void>,
  free: readonly string[] = [],
): T {
  return new Proxy(target, {
    get: (inner, key) => {
      const member: unknown = Reflect.get(inner, key, inner);
      if (typeof member !== "function" || typeof key !== "string") return member;
      const method = member.bind(inner) as (...args: unknown[]) => unknown;
      if (free.includes(key)) return method;
      return async (...args: unknown[]): Promise<unknown> => {
        await turn();
        const result = await method(...args);
        return hasMethods(result) ? stepped(result, turn, free) : result;
      };
    },
  });
}

function hasMethods(value: unknown): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    ["place", "commit", "read"].some((name) => typeof Reflect.get(value, name) === "function")
  );
}
