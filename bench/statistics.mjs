export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median with the lowest and the highest. */
export function spread(values, digits = 2) {
  const format = (value) => value.toFixed(digits);
  return `${format(median(values))} [${format(Math.min(...values))}-${format(Math.max(...values))}]`;
}
