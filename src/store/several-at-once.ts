/**
 * Runs `work` on every member, `atOnce` of them at a time, and returns the results in the members' order. After a failure
 * nothing new is begun; it is thrown when everything that was begun has ended, so that nobody works on behind the caller's back.
 */
export async function severalAtOnce<Member, Result>(
  members: readonly Member[],
  atOnce: number,
  work: (member: Member) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = members.entries();
  let failure: { readonly cause: unknown } | undefined;
  const hand = async (): Promise<void> => {
    for (const [at, member] of queue) {
      try {
        results[at] = await work(member);
      } catch (cause) {
        failure ??= { cause };
      }
      if (failure !== undefined) return;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, hand));
  if (failure !== undefined) throw failure.cause;
  return results;
}
