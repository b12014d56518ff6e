import { parentPort, workerData } from "node:worker_threads";
import { openStoreInThread } from "./compose.ts";
import { openUpstream } from "./compose-upstream.ts";
import type { ThreadData } from "./intake/transfer/messages.ts";
import { serveThread } from "./intake/transfer/serve-thread.ts";

/* The program of a thread that downloads: a program of its own, so it names its own adapters. */
const { folder, writerId, upstream } = workerData as ThreadData;
const store = await openStoreInThread(folder);
if (parentPort !== null) {
  serveThread({
    port: parentPort,
    store,
    writer: await store.joinWriter(writerId),
    upstream: openUpstream(upstream),
  });
}
