// Shows /openapi.json of the listener that the page came from. Nothing else is fetched, and everything is
// written as text.
"use strict";

const one = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};

const place = (id) => document.getElementById(id);
const nameOf = (reference) => reference.split("/").pop();

/** Text in which what stands between backticks is code. */
const prose = (text) => text.split("`").map((part, at) => (at % 2 === 1 ? one("code", {}, part) : part));

/** What a reference within the document names. */
const follow = (api, schema) => {
  let found = schema;
  for (let hops = 0; found && found.$ref && hops < 8; hops += 1) {
    found = found.$ref.split("/").slice(1).reduce((at, key) => at && at[key], api);
  }
  return found ?? {};
};

/** A schema in lines that read like an example: names, and what stands there. */
const written = (api, schema, depth = 0) => {
  const { $ref } = schema ?? {};
  const found = follow(api, schema);
  const pad = "  ".repeat(depth + 1);
  if (found.allOf) {
    const parts = found.allOf.map((part) => follow(api, part));
    return written(api, {
      type: "object",
      properties: Object.assign({}, ...parts.map((part) => part.properties)),
      required: parts.flatMap((part) => part.required ?? []),
    }, depth);
  }
  if (found.anyOf) return found.anyOf.map((part) => written(api, part, depth)).join(" | ");
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" | ");
  if ("const" in found) return JSON.stringify(found.const);
  const types = [found.type ?? "any"].flat();
  if (types.includes("array")) return `[${written(api, found.items ?? {}, depth)}]`;
  if (found.properties && depth < 5) {
    const lines = Object.entries(found.properties).map(([name, value]) => {
      const optional = (found.required ?? []).includes(name) ? "" : "?";
      const about = value.description && !value.$ref ? `  // ${value.description}` : "";
      return `${pad}${name}${optional}: ${written(api, value, depth + 1)}${about}`;
    });
    return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  const bounds = [
    found.minimum !== undefined && found.minimum !== 0 ? `from ${found.minimum}` : "",
    found.maximum !== undefined ? `to ${found.maximum}` : "",
    found.default !== undefined ? `default ${JSON.stringify(found.default)}` : "",
  ].filter(Boolean).join(", ");
  const word = $ref && types[0] === "string" ? nameOf($ref) : types.join(" | ");
  return bounds ? `${word} (${bounds})` : word;
};

const content = (api, contents) => Object.entries(contents ?? {})
  .filter(([type]) => type !== "application/problem+json")
  .reduce((shown, [type, { schema }]) => {
    const text = written(api, schema);
    const same = shown.find((entry) => entry.text === text);
    if (same) same.types.push(type);
    else shown.push({ types: [type], text });
    return shown;
  }, [])
  .flatMap(({ types, text }) => [
    one("p", { className: "note" }, types.join(", ")),
    text === "string" ? null : one("pre", {}, text),
  ]);

const parameters = (api, list) => {
  if (!list || list.length === 0) return [];
  const rows = list.map((reference) => follow(api, reference)).map((parameter) => one("tr", {},
    one("td", {}, one("code", {}, parameter.name)),
    one("td", {}, ...prose(`${parameter.in}; ${parameter.description ?? ""} `),
      one("span", { className: "note" }, written(api, parameter.schema)))));
  return [one("h3", {}, "Parameters"), one("table", {}, one("tbody", {}, ...rows))];
};

const bytes = (count) => (count >= 1048576 ? `${count / 1048576} MiB` : `${count / 1024} KiB`);

const taken = (api, payload) => {
  if (!payload) return [];
  const bound = `${payload.required ? "" : "May be missing. "}At most ${bytes(payload["x-max-bytes"])}.`;
  return [one("h3", {}, "Body"), one("p", { className: "note" }, bound), ...content(api, payload.content)];
};

const answers = (api, responses) => {
  const shown = [one("h3", {}, "Answers")];
  const refusals = [];
  for (const [status, response] of Object.entries(responses)) {
    const problem = response.content?.["application/problem+json"];
    const others = content(api, response.content).filter(Boolean);
    if (others.length > 0) {
      shown.push(one("p", {}, one("span", { className: status < 400 ? "good" : "bad" }, status),
        problem ? "" : ` ${response.description}`), ...others);
    }
    if (problem) {
      const codes = problem.schema.allOf[1].properties.code.enum;
      refusals.push(one("tr", {}, one("td", { className: "bad" }, status),
        one("td", { className: "codes" }, codes.join("  "))));
    }
  }
  return [...shown, one("h3", {}, "Refusals, by their codes"), one("table", {}, one("tbody", {}, ...refusals))];
};

const example = (path, method, operation) => {
  const parts = ["curl"];
  if (operation["x-listeners"][0] === "admin") parts.push('-H "authorization: Bearer $(cat admin.token)"');
  if (method === "post") {
    parts.push("-H 'content-type: application/json'", "-d '{}'");
  }
  parts.push(`"$${operation["x-listeners"][0]}${path.replaceAll("{", "$")
    .replaceAll("}", "")}"`);
  return parts.join(" ");
};

const shown = (api, path, method, operation) => one("details", { className: "operation", id: operation.operationId },
  one("summary", {},
    one("span", { className: `method ${method}` }, method),
    one("span", { className: "path" }, path),
    one("span", { className: "said" }, operation.summary),
    ...operation["x-listeners"].map((face) => one("span", { className: "face" }, face))),
  one("div", { className: "body" },
    ...parameters(api, operation.parameters),
    ...taken(api, operation.requestBody),
    ...answers(api, operation.responses),
    one("h3", {}, "For example"),
    one("pre", {}, example(path, method, operation))));

const openNamed = () => {
  const named = place(decodeURIComponent(location.hash.slice(1)));
  if (named?.tagName === "DETAILS") {
    named.open = true;
    named.scrollIntoView();
  }
};

const filter = (text) => {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const hit = (element) => words.every((word) => element.textContent.toLowerCase().includes(word));
  for (const section of document.querySelectorAll("section.group")) {
    let any = false;
    for (const operation of section.querySelectorAll("details.operation")) {
      const is = hit(operation);
      any ||= is;
      operation.classList.toggle("none", !is);
      place(`to-${operation.id}`).classList.toggle("none", !is);
    }
    section.classList.toggle("none", !any);
    place(`to-${section.id}`).classList.toggle("none", !any);
  }
};

const show = (api) => {
  place("version").textContent = api.info.version;
  place("summary").textContent = api.info.summary;
  place("about").append(...api.info.description.split("\n\n").map((text) => one("p", {}, ...prose(text))));
  const groups = new Map(api.tags.map((tag) => [tag.name, { tag, operations: [] }]));
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      groups.get(operation.tags[0])?.operations.push({ path, method, operation });
    }
  }
  place("state").remove();
  for (const { tag, operations } of groups.values()) {
    const id = `group-${tag.name}`;
    place("index").append(one("li", { className: "group", id: `to-${id}` }, tag.name),
      ...operations.map(({ path, method, operation }) => one("li", { id: `to-${operation.operationId}` },
        one("a", { href: `#${operation.operationId}` },
          one("span", { className: `method ${method}` }, method), path))));
    place("groups").append(one("section", { className: "group", id },
      one("h2", {}, tag.name), one("p", {}, tag.description),
      ...operations.map(({ path, method, operation }) => shown(api, path, method, operation))));
  }
  openNamed();
};

fetch("/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(show)
  .catch((error) => { place("state").textContent = `/openapi.json could not be read: ${error.message}`; });
place("filter").addEventListener("input", (event) => filter(event.target.value));
addEventListener("hashchange", openNamed);
