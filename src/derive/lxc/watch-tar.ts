import { PassThrough } from "node:stream";
import { HeadwaterError } from "../../error.ts";
import { drained } from "../../image/feed.ts";
import { type TarMember, tarMembers } from "../../image/tar-members.ts";

/** What the metadata for LXC has to know of a root file system. */
export interface RootFacts {
  /** Device nodes, which only a real root can make: paths without leading slash. */
  readonly devices: readonly string[];
  /** Files in which LXC has a word to replace: of `TEMPLATES`, and of what the image names. */
  readonly templates: readonly string[];
}

/** Where the name of a container commonly stands. LXC writes a template anew, so nothing is one without need. */
const TEMPLATES = ["etc/hostname", "etc/hosts"] as const;
const PLACEHOLDER = /LXC_(?:NAME|PATH|ROOTFS|TEMPLATE_CONFIG|HOOK_DIR)/;
/** Bytes; a file of names has some hundred. */
const TEMPLATE_LIMIT = 64 * 1024;

/** Each becomes a word of one command line on the client. */
const MAX_DEVICES = 4000;

/** Holes in files become zeros: a squashfs of some kilobytes can be one that is never ended, and nothing else would have its turn. */
const MAX_BYTES = 64 * 1024 ** 3;

export interface WatchOptions {
  /** Files that the image names as templates, without leading slash. */
  readonly templates?: Iterable<string>;
  readonly maxBytes?: number | undefined;
}

/**
 * Passes a tar archive on and looks at its members on the way. Throws FILE_TRUNCATED and PATH_UNSAFE for what is not a whole, sound archive,
 * FILE_TOO_LARGE and FILE_UNSUPPORTED for one that no host wants.
 */
export class TarWatch implements RootFacts {
  readonly devices: string[] = [];
  readonly templates: string[] = [];
  readonly #name: string;
  readonly #wanted: ReadonlySet<string>;
  readonly #maxBytes: number;

  /** @param name for messages */
  constructor(name: string, { templates = [], maxBytes = MAX_BYTES }: WatchOptions = {}) {
    this.#name = name;
    this.#wanted = new Set([...TEMPLATES, ...templates]);
    this.#maxBytes = maxBytes;
  }

  async *through(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const copy = new PassThrough();
    const looking = this.#look(copy).finally(() => copy.destroy());
    // Met below, or not at all when the archive itself cannot be read any further.
    looking.catch(() => undefined);
    let bytes = 0;
    try {
      for await (const chunk of tar) {
        bytes += chunk.length;
        if (bytes > this.#maxBytes) throw this.#tooLarge();
        if (!copy.destroyed && !copy.write(chunk)) await drained(copy);
        // It ends before the archive does when that is not sound.
        if (copy.destroyed) await looking;
        yield chunk;
      }
      copy.end();
      await looking;
    } finally {
      copy.destroy();
    }
  }

  async #look(copy: PassThrough): Promise<void> {
    for await (const member of tarMembers(copy, { name: this.#name })) {
      if (member.type === "device") this.#atDevice(member);
      else if (member.type === "file" && this.#wanted.has(member.name)) await this.#atTemplate(member);
    }
  }

  async #atTemplate({ name, size, content }: TarMember): Promise<void> {
    if (size > TEMPLATE_LIMIT) return;
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    if (PLACEHOLDER.test(Buffer.concat(chunks).toString("latin1"))) this.templates.push(name);
  }

  #tooLarge(): HeadwaterError {
    return new HeadwaterError(
      "FILE_TOO_LARGE",
      `${this.#name} has more than ${this.#maxBytes} bytes unpacked`,
      {
        hint: "Has it files with large holes? LXC would write them as zeros.",
        details: { limit: this.#maxBytes },
      },
    );
  }

  #atDevice({ name }: TarMember): void {
    if (this.devices.length === MAX_DEVICES) {
      throw new HeadwaterError(
        "FILE_UNSUPPORTED",
        `${this.#name} has more than ${MAX_DEVICES} device nodes`,
        {
          hint: "LXC has to be told each of them; a root file system needs none, since containers get their own /dev.",
        },
      );
    }
    this.devices.push(name);
  }
}
