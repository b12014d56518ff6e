import { LEFTOVER_LIFETIME_MS } from "../leftovers.ts";
import type { Sha256 } from "../store.ts";
import {
  deleteIfThere,
  eachOf,
  type Ground,
  listIfThere,
  orMissing,
  removeIfEmpty,
  statIfThere,
} from "./ground.ts";
import { isWriterOf, leftName, parseIncomingName } from "./incoming-names.ts";

/** One writer's folder below `incoming/`, as one of its handles knows it. */
export class WriterFolder {
  readonly id: string;
  readonly path: string;
  readonly staged = new Set<Sha256>();
  readonly #ground: Ground;
  /** Names of files at rest, by what they should turn out to be. */
  readonly #left = new Map<Sha256, Set<string>>();

  constructor(ground: Ground, id: string) {
    this.#ground = ground;
    this.id = id;
    this.path = `${ground.layout.incoming}/${id}`;
  }

  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** False when the file (or the whole folder) was taken away. */
  async rename(name: string, to: string): Promise<boolean> {
    const renamed = await orMissing(
      this.#ground.disk.rename(this.file(name), this.file(to)).then((): true => true),
    );
    return renamed === true;
  }

  /** What all handles have put here so far. */
  async look(): Promise<void> {
    for (const name of await listIfThere(this.#ground.disk, this.path)) this.#know(name);
  }

  /**
   * Moves here what dead writers of this job left. Each move is one step, so that a kill in between leaves every file with one
   * of the two. A former writer that is alive after all does not find its files any more, and fails.
   */
  async adopt(job: string): Promise<void> {
    const { disk, layout } = this.#ground;
    for (const other of await listIfThere(disk, layout.incoming)) {
      if (other === this.id || !isWriterOf(job, other)) continue;
      const from = `${layout.incoming}/${other}`;
      await eachOf(await listIfThere(disk, from), (name) => this.#takeOver(from, name));
      await removeIfEmpty(this.#ground, from);
    }
  }

  /** The file is closed; whoever continues it copies it. Of several the longest is kept. */
  async leave(sha256: Sha256, partial: string): Promise<void> {
    const name = leftName(partial);
    if (await this.rename(partial, name)) this.#know(name);
    const longest = await this.longestLeft(sha256);
    await this.#forget(sha256, (other) => other !== longest);
  }

  /** Throws away what is at rest of this blob. */
  forgetLeft(sha256: Sha256): Promise<void> {
    return this.#forget(sha256, () => true);
  }

  async longestLeft(sha256: Sha256): Promise<string | undefined> {
    let longest: { readonly name: string; readonly size: number } | undefined;
    for (const name of this.#left.get(sha256) ?? []) {
      const stat = await statIfThere(this.#ground.disk, this.file(name));
      if (stat !== undefined && stat.size > (longest?.size ?? 0)) longest = { name, size: stat.size };
    }
    return longest?.name;
  }

  /** Unfinished files that can be continued stay for the next writer of the job; `removeAbandoned` removes them in the end. */
  async close(): Promise<void> {
    const names = await listIfThere(this.#ground.disk, this.path);
    await eachOf(names, async (name) => {
      const { kind } = parseIncomingName(name);
      if (kind !== "left" && kind !== "expected") await deleteIfThere(this.#ground.disk, this.file(name));
    });
    await removeIfEmpty(this.#ground, this.path);
  }

  #know(name: string): void {
    const parsed = parseIncomingName(name);
    if (parsed.kind === "finished") this.staged.add(parsed.sha256);
    if (parsed.kind !== "left") return;
    this.#left.set(parsed.sha256, (this.#left.get(parsed.sha256) ?? new Set()).add(name));
  }

  async #takeOver(from: string, name: string): Promise<void> {
    const { disk } = this.#ground;
    const { kind } = parseIncomingName(name);
    const path = `${from}/${name}`;
    if (kind === "other" || (kind !== "finished" && (await this.#isOld(path)))) {
      await deleteIfThere(disk, path);
      return;
    }
    const to = kind === "expected" ? leftName(name) : name;
    const moved = await orMissing(disk.rename(path, this.file(to)).then(() => true));
    if (moved === true) this.#know(to);
  }

  /** Moving a file makes a folder young again: without this a file that nobody continues would go on for ever. */
  async #isOld(path: string): Promise<boolean> {
    const stat = await statIfThere(this.#ground.disk, path);
    return stat !== undefined && stat.modifiedMs < Date.now() - LEFTOVER_LIFETIME_MS;
  }

  async #forget(sha256: Sha256, unwanted: (name: string) => boolean): Promise<void> {
    const names = this.#left.get(sha256);
    for (const name of names ?? []) {
      if (!unwanted(name)) continue;
      await deleteIfThere(this.#ground.disk, this.file(name));
      names?.delete(name);
    }
  }
}
