import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";

/**
 * An nginx of its own with these server blocks, in a new folder below `folder`, as Debian's nginx.conf frames them. Ready when
 * `port` takes connections. It ends with the test worker, however that ends.
 */
export async function startNginx(folder: string, servers: string, port: number): Promise<ChildProcess> {
  const home = join(folder, "nginx");
  await mkdir(home);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${home};`,
  );
  await writeFile(
    join(home, "nginx.conf"),
    `daemon off; pid ${home}/pid; error_log ${home}/error.log; user root;\nevents {}\n` +
      `http { include /etc/nginx/mime.types; default_type application/octet-stream;\n` +
      `access_log ${home}/access.log; ${paths.join(" ")}\n${servers}}\n`,
  );
  const child = spawn(
    "setpriv",
    ["--pdeathsig", "TERM", "/usr/sbin/nginx", "-p", home, "-c", join(home, "nginx.conf")],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return child;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
