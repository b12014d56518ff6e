import { posix } from "node:path";
import { HeadwaterError } from "../../error.ts";
import { holderOf, takeSocketLock } from "../../store/socket-lock.ts";
import { clear } from "./target-errors.ts";
import { OWN_FOLDER, type Target } from "./target.ts";

/** Does some work while no other process of this machine exports into this tree. Throws TARGET_BUSY at once when one does. */
export async function withTreeLock<T>(target: Target, work: () => Promise<T>): Promise<T> {
  const place = target.place(posix.join(OWN_FOLDER, "lock"));
  const lock = await clear("make the lock", place, takeSocketLock(place));
  if (lock === undefined) {
    const pid = await holderOf(place);
    const who = pid === undefined ? "Another process" : `Process ${pid}`;
    throw new HeadwaterError("TARGET_BUSY", `${who} exports into ${target.root} now.`, {
      hint: "Run this again when it has ended.",
      details: { path: target.root, ...(pid === undefined ? {} : { pid }) },
    });
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
