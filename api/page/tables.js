// Tables of text: every value is set as text, never as HTML, so what a client wrote into an id stays what it is.

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// columns: [heading, row => text or node, "number"?]. Rows are replaced as a whole: a screenful each.
export function fill(id, columns, rows, empty = "none yet") {
  const head = element("tr", {}, ...columns.map(([name, , kind]) => element("th", { className: kind || "" }, name)));
  const lines = rows.map((row) => element("tr", {}, ...columns.map(([, of, kind]) => cell(of(row), kind))));
  if (!lines.length) lines.push(element("tr", {}, element("td", { colSpan: columns.length, className: "quiet" }, empty)));
  const table = typeof id === "string" ? document.getElementById(id) : id;
  table.replaceChildren(element("thead", {}, head), element("tbody", {}, ...lines));
  return table;
}

function cell(content, kind = "") {
  const made = element("td", { className: kind });
  if (content instanceof Node) made.append(content);
  else made.textContent = content ?? "";
  return made;
}

export function amount(text, places = 8) {
  if (text === null || text === undefined || text === "") return "";
  return Number(text).toLocaleString("en", { maximumFractionDigits: places });
}

// Green or red, and a sign: colour alone tells nothing to everyone.
export function signed(text, places = 2) {
  if (text === null || text === undefined) return "";
  const value = Number(text);
  const shown = (value > 0 ? "+" : "") + value.toLocaleString("en", { maximumFractionDigits: places, minimumFractionDigits: places });
  return element("span", { className: value > 0 ? "up" : value < 0 ? "down" : "" }, shown);
}

export const clock = (time) => (time || "").slice(11, 23);
export const place = (at) => (at ? `${at.topic}[${at.partition}]@${at.offset}` : "");
