import { afterEach, describe, expect, it } from "vitest";
import { openUpstream } from "../../src/compose-upstream.ts";
import { bytesOf, closeAll, endsWithTest, site } from "./open.ts";

afterEach(closeAll);

describe("an upstream as the program opens it", () => {
  it("asks again, asks another address, keeps to the limit, and gives its own name and version", async () => {
    const files = new Map([["item", Buffer.alloc(50_000, "x")]]);
    const gone = await site({ tls: false });
    await gone.close();
    const there = await site({ files, tls: false });
    there.misbehave("item", { kind: "status", status: 503 }, 1);
    const options = { url: gone.url, alternates: [there.url], bandwidth: 10_000_000 };
    const upstream = endsWithTest(openUpstream(options));
    const { body, size } = await upstream.item("item");
    expect(size).toBe(50_000);
    expect(await bytesOf(body)).toHaveLength(50_000);
    expect(there.log.map(({ status }) => status)).toEqual([503, 200]);
    expect(there.log[0]?.userAgent).toMatch(/^Headwater\/\d+\.\d+\.\d+$/);
  });
});
