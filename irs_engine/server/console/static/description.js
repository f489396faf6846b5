// The APIs on pictures as /openapi.json describes them: the console knows no parameter, range or limit by itself.

import { get } from "./api.js";

// What the page says of each; an API that it has no words for is shown under its own title.
const WORDS = {
  "image-tagging": { title: "Tags", verb: "Name what it shows", done: "Tags" },
  "recapture-detect": { title: "Recapture", verb: "Judge", done: "Verdict" },
  "dark-enhance": { title: "Dark enhance", verb: "Brighten", done: "Brightened" },
  defog: { title: "Defog", verb: "Clear the fog", done: "Cleared" },
  "super-resolution": { title: "Super resolution", verb: "Enlarge", done: "Enlarged" },
};

let found;

// {version, apis: [{name, title}], capabilities: [{name, title, about, path, parameters, limits, file}]}: all APIs, and those
// that can be tried here, each with one path.
export async function describe() {
  found ??= get("/openapi.json").then(read);
  return found;
}

function read(document) {
  const [apis, capabilities] = [[], []];
  for (const [path, { post }] of Object.entries(document.paths)) {
    const name = post?.["x-irs-api"];
    if (!name || apis.some((api) => api.name === name)) continue;
    apis.push({ name, title: post.summary });
    if (post.deprecated || !post["x-irs-limits"]) continue;
    const content = post.requestBody.content;
    const properties = Object.entries(content["application/json"].schema.properties);
    const parameters = Object.fromEntries(properties.filter(([, schema]) => "default" in schema)); // not what the picture is
    capabilities.push({
      name,
      ...(WORDS[name] ?? { title: post.summary, verb: "Run", done: "Result" }),
      about: post.description,
      path,
      parameters,
      limits: post["x-irs-limits"],
      file: "multipart/form-data" in content,
    });
  }
  return { version: document.info.version, apis, capabilities };
}
