import { assemble, type Line, label } from "./assemble.ts";
import { SIGCHLD, STOP_SIGNALS } from "./signals.ts";

/*
 * System calls of arm64 (Linux, include/uapi/asm-generic/unistd.h): the number in x8, arguments in x0 to x3, the result in x0.
 * Every instruction has 32 bits; the bit patterns are those of the Arm Architecture Reference Manual, chapter C6.
 */

const word = (bits: number): readonly number[] => [
  bits & 0xff,
  (bits >>> 8) & 0xff,
  (bits >>> 16) & 0xff,
  (bits >>> 24) & 0xff,
];
const op = (bits: number): Line => ({ bytes: word(bits) });

const syscall = op(0xd4000001); // svc #0
/** mov xN, #value, for values below 65536. */
const move = (register: number, value: number): Line => op(0xd2800000 | (value << 5) | register);
/** mov xN, #-1 */
const minusOne = (register: number): Line => op(0x92800000 | register);
/** mov xN, sp */
const stack = (register: number): Line => op(0x910003e0 | register);
/** cmp w0, #value, for values below 4096. */
const compare = (value: number): Line => op(0x7100001f | (value << 10));
/** b target; distances count in words from this instruction. */
const jump = (target: string): Line => ({
  target,
  length: 4,
  encode: (distance) => word(0x14000000 | ((distance >> 2) & 0x3ffffff)),
});
/** b.condition target */
const jumpIf = (condition: number, target: string): Line => ({
  target,
  length: 4,
  encode: (distance) => word(0x54000000 | (((distance >> 2) & 0x7ffff) << 5) | condition),
});
const equal = 0x0;
const greater = 0xc;

/** The same program as `initX8664`, for arm64. */
export function initArm64(): Buffer {
  return assemble([
    minusOne(9), //      a set of all 64 signals,
    op(0xf81f0fe9), //   str x9, [sp, #-16]!   on the stack
    move(0, 2), //       rt_sigprocmask(SIG_SETMASK,
    stack(1), //           the set: blocked signals wait until they are asked for,
    move(2, 0), //         no old set,
    move(3, 8), //         8 bytes a set)
    move(8, 135),
    syscall,

    label("wait"),
    stack(0), //         rt_sigtimedwait(the set,
    move(1, 0), //         no details,
    move(2, 0), //         no time limit,
    move(3, 8), //         8 bytes a set)
    move(8, 137),
    syscall, //          gives the signal in w0
    compare(SIGCHLD),
    jumpIf(equal, "reap"),
    ...STOP_SIGNALS.flatMap((signal) => [compare(signal), jumpIf(equal, "exit")]),
    jump("wait"),

    // Signals of one kind do not queue: one SIGCHLD may stand for several children.
    label("reap"),
    minusOne(0), //      wait4(any child,
    move(1, 0), //         no status,
    move(2, 1), //         WNOHANG,
    move(3, 0), //         no usage)
    move(8, 260),
    syscall,
    compare(0), //       a child's number, 0 or an error
    jumpIf(greater, "reap"),
    jump("wait"),

    label("exit"),
    ...exit,
  ]);
}

/** The same program as `sayX8664`, for arm64. */
export function sayArm64(text: string): Buffer {
  const bytes = [...Buffer.from(text)];
  return assemble([
    move(0, 1), //       write(standard output,
    {
      target: "text", // adr x1, text          the text,
      length: 4,
      encode: (distance) => word(0x10000001 | ((distance & 3) << 29) | (((distance >> 2) & 0x7ffff) << 5)),
    },
    move(2, bytes.length), // its length)
    move(8, 64),
    syscall,
    ...exit,
    label("text"),
    { bytes },
  ]);
}

const exit: readonly Line[] = [
  move(0, 0), //         exit(0)
  move(8, 93),
  syscall,
];
