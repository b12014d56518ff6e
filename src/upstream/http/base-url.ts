import { HeadwaterError } from "../../error.ts";
import { hostOf, isLoopbackHost } from "../addresses.ts";

/** The base URL of an upstream with a slash at its end. Throws USAGE for what cannot be one; plain http is for this machine only. */
export function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopbackHost(hostOf(url)));
  if (url === undefined || !isSafe || url.search !== "" || url.hash !== "") {
    throw new HeadwaterError(
      "USAGE",
      `${url === undefined ? "that" : url.origin} is not the address of an upstream`,
      {
        hint: "Expected an address such as https://images.example, without ? and #; http:// is for this machine only.",
      },
    );
  }
  url.username = "";
  url.password = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}
