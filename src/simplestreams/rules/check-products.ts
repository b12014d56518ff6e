import { aliasProblem, parseAliases } from "../aliases.ts";
import type { ClientProfile } from "../client-profile.ts";
import { finding, type Finding, type Place } from "../finding.ts";
import { printable, quoted } from "../printable.ts";
import type { Product } from "../products.ts";
import { versionDate } from "../version-name.ts";

/** What fields of one product make of its images, for a client that lists some of them. */
export function checkProduct(product: Product, place: Place, client: ClientProfile): Finding[] {
  return [
    ...checkAliases(product, place),
    ...checkRequirements(product, place, client),
    ...checkDates(product, place),
    ...checkDescription(product, place),
  ];
}

function checkAliases({ aliases }: Product, place: Place): Finding[] {
  const at = { ...place, field: "aliases", value: aliases };
  const names = parseAliases(aliases);
  if (names.length === 0) return [finding("no-alias", at, "the product has no alias")];
  const findings: Finding[] = [];
  for (const alias of names) {
    const problem = aliasProblem(alias);
    if (problem !== undefined) {
      findings.push(finding("alias-form", at, `the alias ${quoted(alias)}: ${problem}`));
    } else if (/^[0-9a-f]{1,63}$/.test(alias)) {
      const reason = `the alias ${quoted(alias)} can be taken for the beginning of a fingerprint`;
      findings.push(finding("alias-like-fingerprint", at, reason));
    }
  }
  return findings;
}

/** The names that clients look up, by what is left of them without separators. */
const REQUIREMENTS = new Map(
  ["secureboot", "cgroup", "nesting", "privileged", "cdrom_agent", "cdrom_cloud_init"].map((name) => [
    bare(name),
    name,
  ]),
);

function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z]/g, "");
}

function checkRequirements(product: Product, place: Place, client: ClientProfile): Finding[] {
  const { requirements = {}, lxd_requirements } = product;
  const findings: Finding[] = [];
  const isSet = Object.keys(requirements).length > 0;
  const at = { ...place, field: "lxd_requirements", value: lxd_requirements };
  if (client.family === "lxd" && isSet && lxd_requirements !== undefined) {
    if (Object.keys(lxd_requirements).length === 0) {
      const reason = "lxd_requirements is empty and takes the place of requirements, which is not";
      findings.push(finding("requirements-hidden", at, reason));
    }
  } else if (client.requirements === "lxd_requirements" && isSet) {
    findings.push(finding("requirements-unread", at, "there are requirements and no lxd_requirements"));
  }
  const fields = fieldsRead(client).flatMap((field) =>
    Object.keys(product[field] ?? {}).map((name) => ({ field, name })),
  );
  for (const { field, name } of fields) {
    const meant = REQUIREMENTS.get(bare(name));
    if (meant === undefined || meant === name) continue;
    const reason = `no client looks for the requirement ${quoted(name)}; perhaps ${meant} is meant`;
    findings.push(finding("requirement-name", { ...place, field: `${field}.${printable(name)}` }, reason));
  }
  return findings;
}

function fieldsRead(client: ClientProfile): readonly ("requirements" | "lxd_requirements")[] {
  if (client.requirements === "either") return ["requirements", "lxd_requirements"];
  return [client.requirements];
}

function checkDates({ support_eol }: Product, place: Place): Finding[] {
  if (support_eol === undefined || support_eol === "") return [];
  const isDay = /^\d{4}-\d\d-\d\d$/.test(support_eol);
  if (isDay && versionDate(support_eol.replaceAll("-", ""), "day") !== undefined) return [];
  const at = { ...place, field: "support_eol", value: support_eol };
  return [finding("support-eol", at, `expected a date such as 2031-04-30, got ${quoted(support_eol)}`)];
}

function checkDescription(product: Product, place: Place): Finding[] {
  return (["os", "release_title"] as const)
    .filter((field) => (product[field] ?? "") === "")
    .map((field) => finding("description-hole", { ...place, field }, `the product has no ${field}`));
}
