import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { daemons } from "./user.ts";

/**
 * A port that is free now and that no server of this run has had. The daemons keep an index for an hour under its URL
 * (Incus cmd/incusd/daemon_images.go, LXD lxd/daemon_images.go), so a port that came back would bring another test's images with it.
 */
export async function freshPort(host = "127.0.0.1"): Promise<number> {
  const taken = join(daemons().folder, "ports");
  await mkdir(taken, { recursive: true });
  for (;;) {
    const port = await freePort(host);
    try {
      // Making the folder is the claim: files of a run are separate processes.
      await mkdir(join(taken, String(port)));
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function freePort(host: string): Promise<number> {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() =>
        address === null || typeof address === "string" ? failed(new Error("no port")) : done(address.port),
      );
    });
  });
}
