/** Linux, asm-generic/signal.h; the same numbers on x86_64 and arm64. */
export const SIGCHLD = 17;

/**
 * Signals that mean "stop": SIGINT, SIGTERM, SIGPWR (what LXC sends to stop a container), and SIGRTMIN+3, which LXC sends instead
 * when it sees init block that one, as systemd does (LXC, src/lxc/lxccontainer.c do_lxcapi_shutdown). Ours blocks all, but Linux
 * shows none as blocked while they are waited for. SIGRTMIN is 34 where LXC was built with glibc and 35 with musl.
 */
export const STOP_SIGNALS: readonly number[] = [2, 15, 30, 37, 38];
