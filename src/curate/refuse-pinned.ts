import { HeadwaterError } from "../error.ts";
import { Pinned } from "../retention/pinned.ts";
import { type Pin, pinName } from "../store/pins.ts";
import type { ImageRow } from "../views/image-rows.ts";
import type { ImageStream } from "../views/image-stream.ts";

/** Whoever pinned an image wants it to stay until the pin is taken away. Throws PINNED. */
export function refusePinned(
  streams: readonly ImageStream[],
  images: readonly ImageRow[],
  pins: readonly Pin[],
): void {
  const pinned = new Pinned(pins);
  if (pinned.isEmpty) return;
  for (const image of images) {
    const stream = streams.find(({ name }) => name === image.stream);
    const version = stream?.products.products.get(image.product)?.versions.get(image.version);
    const pin = version && pinned.of(image, version);
    if (pin === undefined) continue;
    const name = pin.kind === "alias" ? `--alias ${pin.alias}` : pinName(pin);
    throw new HeadwaterError("PINNED", `${image.product} ${image.version} is pinned: ${pin.note ?? name}`, {
      hint: `headwater unpin ${name} takes the pin away.${image.origin === "own" ? " A leaked secret goes with remove --now, pinned or not." : ""}`,
      details: { product: image.product, version: image.version, pin: pinName(pin) },
    });
  }
}
