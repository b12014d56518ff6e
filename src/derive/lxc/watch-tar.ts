import { once } from "node:events";
import { PassThrough } from "node:stream";
import { HeadwaterError } from "../../error.ts";
import { type TarMember, tarMembers } from "../../image/tar-members.ts";

/** What the metadata for LXC has to know of a root file system. */
export interface RootFacts {
  /** Device nodes, which only a real root can make: paths without leading slash. */
  readonly devices: readonly string[];
  /** Those of `TEMPLATES` that have a word in them for LXC to replace. */
  readonly templates: readonly string[];
}

/** Where the name of a container commonly stands. LXC writes a template anew, so nothing is one without need. */
const TEMPLATES: ReadonlySet<string> = new Set(["etc/hostname", "etc/hosts"]);
const PLACEHOLDER = "LXC_NAME";
/** Bytes; a file of names has some hundred. */
const TEMPLATE_LIMIT = 64 * 1024;

/** Each becomes a word of one command line on the client. */
const MAX_DEVICES = 4000;

/** Passes a tar archive on and looks at its members on the way. Throws FILE_TRUNCATED and PATH_UNSAFE for what is not a whole, sound archive. */
export class TarWatch implements RootFacts {
  readonly devices: string[] = [];
  readonly templates: string[] = [];
  readonly #name: string;

  /** @param name for messages */
  constructor(name: string) {
    this.#name = name;
  }

  async *through(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const copy = new PassThrough();
    let isOver = false;
    const looking = this.#look(copy).finally(() => {
      isOver = true;
    });
    // Met below, or not at all when the archive itself cannot be read any further.
    looking.catch(() => undefined);
    try {
      for await (const chunk of tar) {
        if (isOver) await looking;
        if (!copy.write(chunk)) await Promise.race([once(copy, "drain"), looking]);
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
      else if (member.type === "file" && TEMPLATES.has(member.name)) await this.#atTemplate(member);
    }
  }

  async #atTemplate({ name, size, content }: TarMember): Promise<void> {
    if (size > TEMPLATE_LIMIT) return;
    const chunks: Uint8Array[] = [];
    for await (const chunk of content) chunks.push(chunk);
    if (Buffer.concat(chunks).includes(PLACEHOLDER)) this.templates.push(name);
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
