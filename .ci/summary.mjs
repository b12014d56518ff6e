// Sums up vitest's JSON reports, given as files, in one plain line: `N passed, N failed, N skipped`.
// A report that is not there belongs to a run that did not get that far, and counts as one failure.
import { readFile } from "node:fs/promises";

const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of process.argv.slice(2)) {
  const report = await readFile(file, "utf8").then(JSON.parse, () => undefined);
  if (report === undefined) {
    total.failed += 1;
    continue;
  }
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  // A file that cannot even be loaded fails without any test having failed, and so does an error outside tests.
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((test) => test.status === "failed"),
  ).length;
  total.failed += broken;
  if (!report.success && report.numFailedTests + broken === 0) total.failed += 1;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
if (total.failed > 0) process.exitCode = 1;
