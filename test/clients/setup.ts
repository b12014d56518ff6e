import type { TestProject } from "vitest/node";
import { type Daemons, startDaemons, whatIsMissing } from "./daemons.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Undefined when the real clients cannot run here. */
    daemons: Daemons | undefined;
  }
}

/**
 * Starts the daemons once for all files. Where they cannot run, the tests are skipped and the reason is printed;
 * with HEADWATER_CLIENTS=required, as CI sets it after installing everything, that is a failure instead.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const missing = whatIsMissing();
  if (missing.length > 0) {
    const reason = `the real clients cannot run here, missing: ${missing.join(", ")}`;
    if (process.env["HEADWATER_CLIENTS"] === "required") throw new Error(reason);
    console.log(`test/clients: all tests skipped: ${reason}`);
    project.provide("daemons", undefined);
    return async () => {};
  }
  const { daemons, stop } = await startDaemons();
  project.provide("daemons", daemons);
  return stop;
}
