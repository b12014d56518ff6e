import { dirname, resolve } from "node:path";
import { removeFromConfig, setInConfig } from "../config/edit.ts";
import { PRESETS } from "../config/presets.ts";
import { isStreamName } from "../views/stream-name.ts";
import { upstreamSchema, type UpstreamSettings } from "../config/upstream-schema.ts";
import { HeadwaterError } from "../error.ts";
import type { SyncReport } from "../intake/sync/sync-report.ts";
import { removeUpstream } from "../intake/sync/with-stream.ts";
import type { Store } from "../store/store.ts";
import { type Context, type GlobalOptions, notice } from "./context.ts";
import { STATUS_OF_CODE } from "./exit-status.ts";
import type { Io } from "./io.ts";
import { storeToChange, storeToFill } from "./open-store.ts";
import { jsonText } from "./output.ts";
import { giveToOwnerOf } from "./owner.ts";
import { printPublished } from "./print-published.ts";
import { hiddenText, reportData } from "./print-sync.ts";
import { runSync } from "./run-sync.ts";
import { readSettings } from "./settings.ts";
import { readableSize } from "./size.ts";
import { readImages } from "./read-images.ts";
import { refusePinned } from "../curate/refuse-pinned.ts";
import { readPins } from "../store/pins.ts";
import { imageRows } from "../views/image-rows.ts";
import { withStoreLock } from "./store-lock.ts";
import { type ConfiguredUpstream, configuredUpstream } from "./upstream-settings.ts";
import { addressOf, settingsOf, type UpstreamWishes } from "./upstream-wishes.ts";
import { visible } from "./visible.ts";

export interface AddUpstream {
  readonly target: string;
  readonly name: string | undefined;
  readonly isChecked: boolean;
  readonly wishes: UpstreamWishes;
}

/** Adds an upstream to the configuration, once it has answered; a cache is listed at once, a mirror by its first sync. */
export async function addUpstream(
  context: Context,
  options: GlobalOptions,
  request: AddUpstream,
): Promise<void> {
  const { io } = context;
  const address = addressOf(request.target);
  const name = request.name ?? address.name;
  requireName(name);
  const { config, file } = await readSettings(io, options);
  if (Object.hasOwn(config.upstreams, name)) {
    throw new HeadwaterError("NAME_TAKEN", `there is an upstream "${name}" already`, {
      hint: `Change it with headwater upstream set ${name}, or give this one another --name.`,
      details: { name },
    });
  }
  const written = { ...address.settings, ...absolute(io, settingsOf(request.wishes)) };
  const settings = checked(name, written);
  const configured = await configuredUpstream(name, settings, config);
  const store = await storeToFill(io, options);
  const order = [...Object.keys(config.upstreams), name];
  const write = async (): Promise<void> => {
    await setInConfig(file, ["upstreams", name], written);
    await giveToOwnerOf(dirname(file), io, [file]);
  };
  if (!request.isChecked) {
    await write();
    tellAdded(context, options, { name, settings, report: undefined });
    return;
  }
  const report = await firstLook(context, { store, configured, order, write });
  tellAdded(context, options, { name, settings, report });
}

interface FirstLook {
  readonly store: Store;
  readonly configured: ConfiguredUpstream;
  readonly order: readonly string[];
  readonly write: () => Promise<void>;
}

/** A mirror is only planned; what a cache lists is published. Nothing is written down before the upstream has answered. */
function firstLook({ io }: Context, { store, configured, order, write }: FirstLook): Promise<SyncReport> {
  const { name, mode } = configured.policy;
  return withStoreLock(store, "sync", { signal: io.signal }, async () => {
    try {
      const report = await runSync(configured, {
        store,
        order,
        signal: io.signal,
        dryRun: mode === "mirror",
      });
      await write();
      return report;
    } catch (error) {
      // What was noted about it is of no use to anybody.
      await store.writeNote(`upstreams/${name}`, "{}");
      throw error;
    }
  });
}

/** Changes settings of an upstream. A running server, or the next sync, acts on them. */
export async function setUpstream(
  { io }: Context,
  options: GlobalOptions,
  { name, wishes }: { readonly name: string; readonly wishes: UpstreamWishes },
): Promise<void> {
  const { config, file } = await readSettings(io, options);
  requireKnown(config.upstreams, name);
  const changes = absolute(io, settingsOf(wishes));
  if (Object.keys(changes).length === 0)
    throw new HeadwaterError("USAGE", "there is nothing to change: name a setting, such as --keep 3");
  const { storeToRead } = await import("./open-store.ts");
  await storeToRead(io, options);
  const { readUpstreamText } = await import("./upstream-text.ts");
  const written = { ...(await readUpstreamText(file, name)), ...changes };
  await configuredUpstream(name, checked(name, written), config);
  await setInConfig(file, ["upstreams", name], written);
  await giveToOwnerOf(dirname(file), io, [file]);
  if (options.json === true) io.stdout.write(jsonText({ name, changed: Object.keys(changes) }));
  else if (options.quiet !== true)
    io.stdout.write(`Changed ${name}. It counts from the next sync on: headwater sync ${name}\n`);
}

/** Takes an upstream out of the configuration and its images off the lists. */
export async function forgetUpstream({ io }: Context, options: GlobalOptions, name: string): Promise<void> {
  const { config, file } = await readSettings(io, options);
  const store = await storeToChange(io, options);
  const isConfigured = Object.hasOwn(config.upstreams, name);
  const isListed = (await store.newest())?.streams.some(
    (stream) => stream.name === name && stream.origin !== "own",
  );
  if (!isConfigured && isListed !== true) requireKnown(config.upstreams, name);
  const generation = await withStoreLock(store, "sync", { signal: io.signal }, async () => {
    const streams = await readImages(store);
    const rows = imageRows(streams.filter((stream) => stream.name === name));
    refusePinned(streams, rows, await readPins(store, await store.newest()));
    if (isConfigured) {
      await removeFromConfig(file, ["upstreams", name]);
      await giveToOwnerOf(dirname(file), io, [file]);
    }
    await store.writeNote(`upstreams/${name}`, "{}");
    return removeUpstream(store, name);
  });
  printPublished(io, options, { store, generation });
}

function requireName(name: string): void {
  if (isStreamName(name)) return;
  throw new HeadwaterError("NAME_INVALID", `"${name}" cannot be the name of an image stream`, {
    hint: "Give it one with --name: lower-case letters, digits and -, and not a word that URLs need, such as streams.",
    details: { name },
  });
}

function requireKnown(upstreams: Readonly<Record<string, unknown>>, name: string): void {
  if (Object.hasOwn(upstreams, name)) return;
  throw new HeadwaterError("NOT_FOUND", `there is no upstream "${name}"`, {
    hint: "headwater upstream list shows them.",
    details: { name },
  });
}

/** The same rules as for the file, said as what is wrong with the command. */
function checked(name: string, settings: Readonly<Record<string, unknown>>): UpstreamSettings {
  const result = upstreamSchema.safeParse(settings);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const about = issue?.path.map(String).join(".") ?? "";
  throw new HeadwaterError(
    "USAGE",
    `upstream ${name}: ${about === "" ? "" : `${about}: `}${issue?.message ?? "not understood"}`,
    {
      hint: `Known by name: ${[...PRESETS.keys()].join(", ")}. headwater upstream add --help has examples.`,
    },
  );
}

/** Files are named from where the command is run, and found later from anywhere. */
function absolute(io: Io, settings: Record<string, unknown>): Record<string, unknown> {
  const changed = { ...settings };
  for (const key of ["keyring", "ca"])
    if (typeof changed[key] === "string") changed[key] = resolve(io.cwd, changed[key]);
  return changed;
}

interface Added {
  readonly name: string;
  readonly settings: UpstreamSettings;
  readonly report: SyncReport | undefined;
}

function tellAdded(context: Context, options: GlobalOptions, { name, settings, report }: Added): void {
  const { io } = context;
  if (report !== undefined && report.failures.length > 0) context.exitWith(STATUS_OF_CODE.UPSTREAM_WRONG);
  if (options.json === true) {
    io.stdout.write(
      jsonText({
        name,
        mode: settings.mode,
        ...(report === undefined ? {} : reportData(report, settings.mode === "mirror")),
      }),
    );
    return;
  }
  if (options.quiet === true) return;
  const lines = [`Added ${name} (${settings.mode}).`];
  if (report !== undefined) {
    const { images, files, bytes } = report.come;
    lines.push(
      settings.mode === "mirror"
        ? `  A sync downloads ${images} images in ${files} files, ${readableSize(bytes)}: headwater sync ${name}. A running server does it by itself.`
        : `  ${images} images are listed; a file comes when the first machine asks for it.`,
      ...hiddenText(report),
    );
  }
  const preset = PRESETS.get(settings.preset ?? "");
  const twins = settings.twins ?? preset?.twins ?? true;
  if (preset?.remark !== undefined && !twins) lines.push(`  ${preset.remark}`);
  if (twins) {
    lines.push(
      `  Incus and LXD both find its images in the server's own list; /${name}/ has them as the upstream lists them.`,
      "  Virtual machines of the other family may lack its guest agent: exec and file transfer then do not work in them.",
    );
  }
  io.stdout.write(lines.map((line) => `${visible(line)}\n`).join(""));
  if (settings.credentials !== undefined)
    notice(io, options, "The password is in the configuration file, which only its owner can read now.");
}
