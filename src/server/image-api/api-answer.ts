import { type Exchange, sendJson } from "../exchange.ts";

/** An answer as both daemons give it (shared/api/response.go). */
export function sendSync(exchange: Exchange, metadata: unknown): void {
  sendJson(exchange, 200, envelope(metadata));
}

export function envelope(metadata: unknown): object {
  return {
    type: "sync",
    status: "Success",
    status_code: 200,
    operation: "",
    error_code: 0,
    error: "",
    metadata,
  };
}

/** A refusal as both daemons give it; clients print `error` behind "Error: ". */
export function sendApiError(
  exchange: Exchange,
  status: number,
  error: string,
  headers: Readonly<Record<string, string | number>> = {},
): void {
  const body = {
    type: "error",
    status: "",
    status_code: 0,
    operation: "",
    error_code: status,
    error,
    metadata: null,
  };
  sendJson(exchange, status, body, headers);
}
