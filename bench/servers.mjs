import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";

/** Something under measurement: its ports, how much memory each of its processes takes, and how to end it. */
export function running(child, ports) {
  return {
    ...ports,
    /** Resident MB of the largest process. */
    memory: () => Math.max(...family(child.pid).map(residentMegabytes)),
    /** Processor seconds of all its processes so far. */
    processorSeconds: () =>
      family(child.pid)
        .map(processorSeconds)
        .reduce((sum, seconds) => sum + seconds, 0),
    stop: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** nginx as a person would set it up for this job: sendfile, two workers, TLS 1.3 with the cipher Headwater prefers. */
export async function startNginx({ folder, root, certificate, tls, plain, log }) {
  await mkdir(join(folder, "nginx"), { recursive: true });
  const config = join(folder, "nginx", "nginx.conf");
  await writeFile(
    config,
    `worker_processes 2; daemon off; pid ${folder}/nginx/pid; error_log ${folder}/nginx/error.log; user root;
events { worker_connections 4096; }
http {
  log_format bodies '$uri $status $body_bytes_sent';
  access_log ${log === undefined ? "off" : `${log} bodies`}; sendfile on; tcp_nopush on; gzip_static on; default_type application/octet-stream;
  client_body_temp_path ${folder}/nginx/a; proxy_temp_path ${folder}/nginx/b; fastcgi_temp_path ${folder}/nginx/c;
  uwsgi_temp_path ${folder}/nginx/d; scgi_temp_path ${folder}/nginx/e;
  ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
  ssl_certificate ${certificate}; ssl_certificate_key ${certificate};
  server { listen 127.0.0.1:${plain}; listen 127.0.0.1:${tls} ssl; root ${root}; }
}
`,
  );
  const child = spawn("nginx", ["-c", config], { stdio: ["ignore", "inherit", "inherit"] });
  await Promise.all([answering(tls), answering(plain)]);
  return running(child, { tls, plain });
}

/** nginx says its version on the error stream. */
export function nginxVersion() {
  return spawnSync("nginx", ["-v"]).stderr.toString().replace("nginx version: ", "").trim();
}

export async function startHeadwater({ dist, data, workers, tls, plain }) {
  const program = join(import.meta.dirname, "serve-store.mjs");
  const words = [program, dist, data, String(workers), String(tls), String(plain)];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "inherit", "inherit"] });
  await Promise.all([answering(tls), answering(plain)]);
  return running(child, { tls, plain });
}

export async function answering(port) {
  for (let tries = 0; tries < 200; tries++) {
    const isOpen = await new Promise((resolve) => {
      const socket = createConnection(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing answers on port ${port}`);
}

function family(pid) {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  return [pid, ...children.map(Number)];
}

function parentOf(pid) {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    // Gone meanwhile.
    return undefined;
  }
}

/** User and system time; the kernel counts in hundredths of a second. */
function processorSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    // Gone meanwhile.
    return 0;
  }
}

function residentMegabytes(pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    // Gone meanwhile.
    return 0;
  }
}
