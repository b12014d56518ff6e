import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** nginx with these `server` blocks and nothing else, as long as this process lives. */
export async function startNginx(folder: string, servers: string): Promise<ChildProcess> {
  const home = join(folder, "nginx");
  await mkdir(home);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${home};`,
  );
  await writeFile(
    join(home, "nginx.conf"),
    `daemon off; pid ${home}/pid; error_log ${home}/error.log; user root;\n` +
      `events {}\nhttp { access_log off; ${paths.join(" ")}\n${servers}}\n`,
  );
  return spawn(
    "setpriv",
    ["--pdeathsig", "TERM", "/usr/sbin/nginx", "-p", home, "-c", join(home, "nginx.conf")],
    {
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
}
