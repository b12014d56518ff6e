/**
 * Whether a text is a date as Go writes and reads it in JSON: RFC 3339 in UTC, of a day that there is. One date of another form makes clients
 * refuse a whole list; and JavaScript takes the 30th of February for the 2nd of March.
 */
export function isExactDate(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(text)) return false;
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 19) === text.slice(0, 19);
}
