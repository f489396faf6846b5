// The same call from elsewhere: curl, Python with the cloud's SDK, the plain request.

import { pathOf } from "./call.js";
import { chips, copyButton, el } from "./dom.js";

let chosen = "curl";

export function showSnippets(place, { capability, values, picture }, me) {
  const call = { capability, values, me, path: pathOf(capability, me), file: picture?.name ?? "picture.jpg", origin: location.origin };
  const texts = { curl: curl(call), python: SDK[capability.name] ? sdk(call) : signed(call), rest: rest(call) };
  const code = el("code", {}, texts[chosen]);
  const show = (name) => {
    chosen = name;
    code.textContent = texts[name];
  };
  const names = [["curl", "curl"], ["python", "Python SDK"], ["rest", "REST body"]];
  place.replaceChildren(
    el("div", { class: "card-head" }, chips("Language of the code", names, chosen, show, { tight: true }), copyButton(() => texts[chosen], "code")),
    el("pre", { tabindex: 0, "aria-label": "Code" }, code),
    me.by === "nobody" ? "" : el("p", { class: "muted small" }, "A token and access keys are got under ", el("a", { href: "#access" }, "Access"), "."),
  );
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curl({ capability, values, path, file, origin, me }) {
  const token = me.by === "nobody" ? [] : [`-H "X-Auth-Token: $TOKEN"`];
  if (capability.file) {
    const fields = Object.entries(values).map(([key, value]) => `-F ${key}=${value}`);
    return ["curl", ...token, ...fields, `-F file=@${quoted(file)}`, "-o result" + (/\.\w+$/.exec(file)?.[0] ?? ""), `${origin}${path}`].join(" \\\n  ");
  }
  const json = JSON.stringify({ image: "%s", ...values });
  return [
    `printf '${json}' "$(base64 -w0 ${quoted(file)})" |`,
    ["curl", ...token, `-H "Content-Type: application/json"`, "--data-binary @-", `${origin}${path}`].join(" \\\n  "),
  ].join("\n");
}

const SDK = {
  "image-tagging": ["ImageTaggingReq", "RunImageTaggingRequest", "run_image_tagging"],
  "recapture-detect": ["RecaptureDetectReq", "RunRecaptureDetectRequest", "run_recapture_detect"],
};

const python = (value) => (typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value));

function sdk({ capability, values, file, origin, me }) {
  const [body, request, method] = SDK[capability.name];
  const options = Object.entries(values).map(([key, value]) => `, ${key}=${python(value)}`);
  return `# pip install huaweicloudsdkimage
import base64, os
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkimage.v2 import ImageClient, ${body}, ${request}

ak, sk = os.environ["HUAWEICLOUD_SDK_AK"], os.environ["HUAWEICLOUD_SDK_SK"]
client = (ImageClient.new_builder().with_credentials(BasicCredentials(ak, sk, ${python(me.project_id ?? "")}))
          .with_endpoint(${python(origin)}).build())
with open(${python(file)}, "rb") as file:
    image = base64.b64encode(file.read()).decode()
answer = client.${method}(${request}(body=${body}(image=image${options.join("")})))
print(answer.result)`;
}

// The SDK has no call for pictures that come back: its signature, and a plain request.
function signed({ values, path, file, origin, me }) {
  const { protocol, host } = location;
  const fields = Object.entries(values).map(([key, value]) => `, ${python(key)}: ${python(value)}`);
  return `# pip install huaweicloudsdkcore
import base64, json, os
import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

with open(${python(file)}, "rb") as file:
    body = json.dumps({"image": base64.b64encode(file.read()).decode()${fields.join("")}})
keys = BasicCredentials(os.environ["HUAWEICLOUD_SDK_AK"], os.environ["HUAWEICLOUD_SDK_SK"], ${python(me.project_id ?? "")})
headers = {"Content-Type": "application/json", "Host": ${python(host)}, "X-Project-Id": keys.project_id}
request = Signer(keys).sign(SdkRequest(method="POST", schema=${python(protocol.slice(0, -1))}, host=${python(host)},
                                       resource_path=${python(path)}, query_params=[], header_params=headers, body=body))
answer = requests.post(${python(origin + path)}, data=body, headers=request.header_params)
answer.raise_for_status()
with open("result${/\.\w+$/.exec(file)?.[0] ?? ""}", "wb") as file:
    file.write(base64.b64decode(answer.json()["result"]))`;
}

function rest({ values, path, me }) {
  const token = me.by === "nobody" ? "" : "X-Auth-Token: (a token)\n";
  const body = JSON.stringify({ image: "(the picture in base64)", ...values }, null, 2);
  return `POST ${path} HTTP/1.1\nHost: ${location.host}\nContent-Type: application/json\n${token}\n${body}`;
}
