/*
 * The library: package export `headwater/simplestreams`, documented in docs/reference/library.md. It is for others; the
 * program itself imports from the single files, so that a command that only lists does not load the schema library.
 */
export {
  aliasProblem,
  checkAlias,
  isValidAlias,
  joinAliases,
  parseAliases,
  type StandardAliasNames,
  standardAliases,
} from "./aliases.ts";
export {
  kernelArchitecture,
  kernelArchitectures,
  personalitiesOf,
  preferredArchitecture,
} from "./architectures.ts";
export {
  type ArchitectureGroup,
  type ClientProfile,
  clientProfile,
  clientProfiles,
  type Dialect,
  type Family,
} from "./client-profile.ts";
export { type ClientDecoding, decodeAsClient, imagesOfText, type ListedText } from "./decode-as-client.ts";
export { type Finding, type Place, placeText } from "./finding.ts";
export {
  duplicateFingerprints,
  type FingerprintedImage,
  type FingerprintMatch,
  type FingerprintPlace,
  fingerprintsOf,
  isFingerprint,
  matchFingerprint,
} from "./fingerprint.ts";
export {
  combinedFields,
  combinedHash,
  deltaFtypes,
  dialectOf,
  type InstanceType,
  instanceTypeOf,
  isRootFtype,
  metadataFtypes,
  type Role,
  type RootFtype,
  roleOf,
  rootFtypes,
  unifiedFtypes,
} from "./ftypes.ts";
export { hazards } from "./rules/check-listing.ts";
export { type ImagesOfOptions, imagesOf } from "./images-of.ts";
export type { IndexEntry, IndexFile } from "./index-file.ts";
export { invisible } from "./invisible.ts";
export { type ItemPathParts, itemPath, type ProductSlugs, productKey } from "./item-path.ts";
export { MAX_DOCUMENT_BYTES, MAX_DOCUMENT_LEVELS } from "./json-text.ts";
export type { ListedDelta, ListedFile, ListedImage } from "./listed-image.ts";
export { type ParseOptions, parseIndex, parseProducts } from "./parse.ts";
export { printable, quoted } from "./printable.ts";
export type { Item, Json, Product, ProductsFile, Version } from "./products.ts";
export { readOwnIndex, readOwnProducts } from "./own-documents.ts";
export { isRelativePath, parseRelativePath, pathProblem } from "./relative-path.ts";
export { type ReleaseNames, releaseNames } from "./release-names.ts";
export { renderIndex, renderProducts } from "./render.ts";
export { type Resolved, type ResolveOptions, resolveAlias, resolveName } from "./resolve.ts";
export { sameSlug, slug, slugClash } from "./slug.ts";
export { requirementFields, withTwins } from "./twins.ts";
export {
  compareVersions,
  isVisibleVersion,
  newestVersion,
  nextFreeVersion,
  parseVersionName,
  type VersionPrecision,
  versionDate,
  versionName,
} from "./version-name.ts";
export type { Edit, Example, Level, Rule } from "./rules/rule.ts";
export { type RuleId, rules, rulesByTopic } from "./rules/rules.ts";
export { smallestTree } from "./rules/smallest-tree.ts";
export { type ExplainOptions, type Explanation, explain, type ReaderView } from "./tree/explain.ts";
export type { FileContents, FolderContents, TreeContents } from "./tree/contents.ts";
export type { TreeFinding } from "./tree/findings.ts";
export type { LxcBuild } from "./tree/lxc-index.ts";
export { productsPaths } from "./tree/read-tree.ts";
export type { DocumentText, TreeDocuments } from "./tree/tree-documents.ts";
export { explainName, type FoundImage, type NameAnswer, type NameExplanation } from "./tree/explain-name.ts";
