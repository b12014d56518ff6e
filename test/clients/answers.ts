import type { Deviation } from "../corpus/deviation.ts";
import type { Prediction } from "../corpus/predict.ts";
import { inShort, type Said } from "../corpus/record.ts";
import type { Family } from "./daemons.ts";
import { asPrinted } from "./listing.ts";
import { type PrintedImage, User } from "./user.ts";

/** What `image list` of a real client says: images, or what its message is about. */
export type Answer = { readonly refused: string } | { readonly images: readonly PrintedImage[] };

/** Asks as somebody new: the command line of Incus keeps documents between its runs. */
export async function ask(family: Family, url: string, pem: string): Promise<Answer> {
  const user = await User.create(family);
  await user.writeRemote("raw", url, pem);
  const { status, stdout, stderr } = await user.attempt("image", "list", "raw:", "--format", "json");
  return status === 0 ? { images: JSON.parse(stdout) as PrintedImage[] } : { refused: refusal(stderr) };
}

/** What `image info` of a name says: the fingerprint, or why there is none. */
export async function askFor(user: User, name: string, ...flags: readonly string[]): Promise<string> {
  const { stdout, stderr } = await user.attempt("image", "info", `raw:${name}`, ...flags);
  const fingerprint = /^Fingerprint: (.*)$/m.exec(stdout)?.[1];
  if (fingerprint !== undefined) return fingerprint;
  if (/More than one match/.test(stderr)) return "several";
  return /couldn't be found/.test(stderr) ? "none" : stderr;
}

/** In the words of `Refusal`; of another message the text itself. */
function refusal(message: string): string {
  if (/^panic: /m.test(message)) return "crash";
  if (/cannot unmarshal/.test(message)) return "wrong type";
  if (/Unable to fetch/.test(message)) return "not there";
  if (/invalid character|unexpected end of JSON|No content in download|exceeded max depth/.test(message)) {
    return "not JSON";
  }
  return message;
}

/** A prediction as the client would print it. */
export function asAnswer(prediction: Prediction, family: Family): Answer {
  if ("refused" in prediction) return prediction;
  return { images: prediction.images.map((image) => asPrinted(image, family)) };
}

const KEYS = ["fingerprint", "size", "filename"];

/** What of an answer is certain: images that have no order go by what they are, with all aliases together. */
export function certain(answer: Answer, { undefinedOrder }: Pick<Deviation, "undefinedOrder">): unknown {
  if ("refused" in answer || undefinedOrder !== true) return answer;
  const images = answer.images.map((image) => ({ ...image, aliases: [] }));
  images.sort((a, b) => (JSON.stringify(a, KEYS) < JSON.stringify(b, KEYS) ? -1 : 1));
  return { images, aliases: answer.images.flatMap(aliasesOf).sort() };
}

/** An answer as it is recorded. */
export function said(answer: Answer, deviation: Pick<Deviation, "undefinedOrder">): Said {
  if ("refused" in answer) return answer;
  const images = answer.images.map((image) => ({
    fingerprint: image.fingerprint,
    aliases: aliasesOf(image),
  }));
  return inShort(images, deviation);
}

function aliasesOf({ aliases }: PrintedImage): string[] {
  return (aliases ?? []).map(({ name }) => name);
}
