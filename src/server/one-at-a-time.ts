import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Requests a client may send ahead on one connection. Incus and LXD never do. */
const MAX_AHEAD = 16;

/**
 * Node hands over requests that were sent ahead (pipelined) before the earlier ones are answered. Answered one after the other they
 * need no memory beyond themselves, and whoever answers owns the socket. A client that sends too many ahead is cut.
 */
export function oneAtATime(handle: Handler): Handler {
  const ahead = new WeakMap<Socket, (() => void)[]>();
  const start = (socket: Socket, request: IncomingMessage, response: ServerResponse): void => {
    response.once("close", () => {
      const next = ahead.get(socket)?.shift();
      if (next === undefined || socket.destroyed) ahead.delete(socket);
      else next();
    });
    handle(request, response);
  };
  return (request, response) => {
    const { socket } = request;
    const waiting = ahead.get(socket);
    if (waiting === undefined) {
      ahead.set(socket, []);
      start(socket, request, response);
    } else if (waiting.length < MAX_AHEAD) waiting.push(() => start(socket, request, response));
    else socket.destroy();
  };
}
