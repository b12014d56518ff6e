import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { link, open, rename, rm, stat } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { basename, dirname } from "node:path";

/** A held socket. */
export interface SocketLock {
  /** False when somebody removed or replaced the socket file. */
  isOurs(): Promise<boolean>;
  release(): Promise<void>;
}

/** The lock, or undefined while a living process has it. A socket that nobody listens on any more is taken over. */
export async function takeSocketLock(
  path: string,
  onConnection: (socket: Socket) => void = sayWho,
): Promise<SocketLock | undefined> {
  const { reachable, close } = await reach(path);
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      const server = await listenOn(reachable, onConnection);
      if (server !== undefined) {
        const ino = await inodeOf(path);
        return {
          isOurs: async () => ino !== undefined && (await inodeOf(path)) === ino,
          release: async () => {
            await new Promise((resolve) => server.close(resolve));
            await close();
          },
        };
      }
      if (await isAnswering(reachable)) break;
      await removeStale(path);
    }
  } catch (error) {
    await close();
    throw error;
  }
  await close();
  return undefined;
}

/**
 * Another one may have taken the lock since it was looked at: it is moved aside first, looked at again, and given back when somebody
 * listens on it.
 */
export async function removeStale(path: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
    throw error;
  }
  const { reachable, close } = await reach(aside);
  if (await isAnswering(reachable)) await link(aside, path).catch(() => undefined);
  await close();
  await rm(aside, { force: true });
}

function listenOn(path: string, onConnection: (socket: Socket) => void): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      onConnection(socket);
    });
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    server.listen({ path, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** For a lock that is nothing but a lock. */
function sayWho(socket: Socket): void {
  socket.end(`${JSON.stringify({ pid: process.pid })}\n`);
}

/** Connects to whoever holds a lock. Rejects when nobody does. */
export async function connectToHolder(path: string): Promise<Socket> {
  const { reachable, close } = await reach(path);
  try {
    return await new Promise((resolve, reject) => {
      const socket = createConnection(reachable);
      socket.once("connect", () => resolve(socket));
      socket.once("error", reject);
    });
  } finally {
    await close();
  }
}

/** The process that holds a lock which is nothing but a lock; undefined when nobody does. */
export async function holderOf(path: string): Promise<number | undefined> {
  try {
    const socket = await connectToHolder(path);
    const [line] = await once(socket, "data");
    socket.destroy();
    const said: unknown = JSON.parse(String(line));
    return typeof said === "object" && said !== null && "pid" in said && typeof said.pid === "number"
      ? said.pid
      : undefined;
  } catch {
    // It ended a moment ago.
    return undefined;
  }
}

/** Socket addresses are short (107 bytes); the folder is reached through its descriptor, however long its name is. */
async function reach(
  path: string,
): Promise<{ readonly reachable: string; readonly close: () => Promise<void> }> {
  const folder = await open(dirname(path), "r");
  const reachable = process.platform === "linux" ? `/proc/self/fd/${folder.fd}/${basename(path)}` : path;
  return { reachable, close: () => folder.close() };
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Anything else, such as too many who ask at once, says that somebody is there.
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"),
    );
  });
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch {
    // Removed: then it is nobody's.
    return undefined;
  }
}
