import { assemble, type Line, label } from "./assemble.ts";
import { SIGCHLD, STOP_SIGNALS } from "./signals.ts";

/*
 * System calls of x86_64 (Linux, arch/x86/entry/syscalls/syscall_64.tbl): the number in rax, arguments in rdi, rsi, rdx, r10,
 * the result in rax. Numbers are loaded with push and pop, the shortest way for values below 128.
 */

const op = (...bytes: readonly number[]): Line => ({ bytes });

const syscall = op(0x0f, 0x05);
/** push n; pop rax */
const number = (n: number): Line => op(0x6a, n, 0x58);
/** A jump of two bytes; the distance counts from its end. */
const jump = (opcode: number, target: string): Line => ({
  target,
  length: 2,
  encode: (distance) => [opcode, (distance - 2) & 0xff],
});
const always = 0xeb;
const ifEqual = 0x74;
const ifGreater = 0x7f;

/**
 * PID 1 of the sample image: takes signals one after another, collects dead children, and ends when told to stop; the kernel
 * then ends everything else in the container.
 */
export function initX8664(): Buffer {
  return assemble([
    op(0x6a, 0xff), // push -1              a set of all 64 signals, on the stack
    number(14), //     rt_sigprocmask(
    op(0x6a, 2, 0x5f), // push 2; pop rdi     SIG_SETMASK,
    op(0x48, 0x89, 0xe6), // mov rsi, rsp      the set: blocked signals wait until they are asked for,
    op(0x31, 0xd2), // xor edx, edx            no old set,
    op(0x6a, 8, 0x41, 0x5a), // push 8; pop r10  8 bytes a set)
    syscall,

    label("wait"),
    op(0xb8, 128, 0, 0, 0), // mov eax, 128    rt_sigtimedwait(
    op(0x48, 0x89, 0xe7), // mov rdi, rsp      the set,
    op(0x31, 0xf6), // xor esi, esi            no details,
    op(0x31, 0xd2), // xor edx, edx            no time limit,
    op(0x6a, 8, 0x41, 0x5a), // push 8; pop r10  8 bytes a set)
    syscall, //                               gives the signal in eax
    op(0x83, 0xf8, SIGCHLD), // cmp eax, SIGCHLD
    jump(ifEqual, "reap"),
    ...STOP_SIGNALS.flatMap((signal) => [
      op(0x83, 0xf8, signal), // cmp eax, signal
      jump(ifEqual, "exit"),
    ]),
    jump(always, "wait"),

    // Signals of one kind do not queue: one SIGCHLD may stand for several children.
    label("reap"),
    number(61), //     wait4(
    op(0x6a, 0xff, 0x5f), // push -1; pop rdi  any child,
    op(0x31, 0xf6), // xor esi, esi            no status,
    op(0x6a, 1, 0x5a), // push 1; pop rdx      WNOHANG,
    op(0x45, 0x31, 0xd2), // xor r10d, r10d    no usage)
    syscall,
    op(0x85, 0xc0), // test eax, eax           a child's number, 0 or an error
    jump(ifGreater, "reap"),
    jump(always, "wait"),

    label("exit"),
    ...exit,
  ]);
}

/** Writes a text to standard output and ends. */
export function sayX8664(text: string): Buffer {
  const bytes = [...Buffer.from(text)];
  return assemble([
    number(1), //      write(
    op(0x6a, 1, 0x5f), // push 1; pop rdi      standard output,
    {
      target: "text", // lea rsi, [rip + text]  the text; the distance counts from the end of this instruction,
      length: 7,
      encode: (distance) => [0x48, 0x8d, 0x35, distance - 7, 0, 0, 0],
    },
    op(0x6a, bytes.length, 0x5a), // push n; pop rdx  its length)
    syscall,
    ...exit,
    label("text"),
    op(...bytes),
  ]);
}

const exit: readonly Line[] = [
  number(60), //       exit(
  op(0x31, 0xff), //   xor edi, edi            0)
  syscall,
];
