import { createHash } from "node:crypto";
import type { StreamPolicy } from "./stream-policy.ts";

/** Everything that decides what is made of an upstream's answer. */
export function policyKey(policy: StreamPolicy): string {
  const { select: _function, keyring, parallel: _speed, retention, ...rest } = policy;
  const keys = keyring === undefined ? "" : createHash("sha256").update(keyring).digest("hex");
  return JSON.stringify({ ...rest, retention: retention?.text, keys });
}
