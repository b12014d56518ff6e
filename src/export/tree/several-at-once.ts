/** Runs `work` on every member, a few at a time, and starts none after a failure; it is thrown when all have ended. */
export async function severalAtOnce<Member>(
  members: Iterable<Member>,
  work: (member: Member) => Promise<void>,
): Promise<void> {
  const queue = members[Symbol.iterator]();
  let failure: { readonly cause: unknown } | undefined;
  const hand = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true && failure === undefined; next = queue.next()) {
      try {
        await work(next.value);
      } catch (cause) {
        failure ??= { cause };
      }
    }
  };
  // The thread pool has four hands.
  await Promise.all(Array.from({ length: 8 }, hand));
  if (failure !== undefined) throw failure.cause;
}
