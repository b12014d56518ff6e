/** JSON as it is written: names may repeat, and `__proto__` is a name like any other. */
export type Written = string | number | boolean | null | readonly Written[] | WrittenObject;

/** An object with its members in order. */
export class WrittenObject {
  readonly members: readonly (readonly [string, Written])[];

  constructor(members: readonly (readonly [string, Written])[]) {
    this.members = members;
  }
}

/** What `JSON.parse` made, as it would be written. */
export function written(value: unknown): Written {
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== "object" || value === null) return value as string | number | boolean | null;
  return new WrittenObject(Object.entries(value).map(([key, member]) => [key, written(member)]));
}

/** The text. Half a surrogate pair comes as an escape. */
export function textOf(node: Written): string {
  if (node instanceof WrittenObject) {
    return `{${node.members.map(([key, member]) => `${JSON.stringify(key)}:${textOf(member)}`).join(",")}}`;
  }
  return Array.isArray(node) ? `[${node.map(textOf).join(",")}]` : JSON.stringify(node);
}

/** Changes the member with this number, counted from the top down; the change gives what stands in its place: nothing, one or several. */
export function changeMember(node: Written, number: number, change: Change): Written {
  return new Changer(number % Math.max(1, countMembers(node)), change).node(node);
}

type Member = readonly [string, Written];
export type Change = (member: Member) => readonly Member[];

class Changer {
  #left: number;
  readonly #change: Change;

  constructor(number: number, change: Change) {
    this.#left = number;
    this.#change = change;
  }

  node(node: Written): Written {
    if (this.#left < 0) return node;
    if (node instanceof WrittenObject) {
      return new WrittenObject(node.members.flatMap((member) => this.#member(member)));
    }
    return Array.isArray(node) ? node.map((member) => this.node(member)) : node;
  }

  #member(member: Member): readonly Member[] {
    if (this.#left < 0) return [member];
    if (this.#left-- === 0) return this.#change(member);
    return [[member[0], this.node(member[1])]];
  }
}

function countMembers(node: Written): number {
  if (node instanceof WrittenObject) {
    return node.members.reduce((sum, [, member]) => sum + 1 + countMembers(member), 0);
  }
  return Array.isArray(node) ? node.reduce((sum: number, member) => sum + countMembers(member), 0) : 0;
}
