// Judges the custom resources on stdin, a JSON list, and prints a list of what is wrong with each.
// The judges are the ones that the packages of kubernetes-models carry; build.mjs puts them into one file.
import { readFileSync } from "node:fs";
import { validate as ScaledObject } from "keda/ComGithubKedacoreKedaV2ApisKedaV1alpha1ScaledObject";
import { validate as TriggerAuthentication } from "keda/ComGithubKedacoreKedaV2ApisKedaV1alpha1TriggerAuthentication";
import { validate as PodMonitor } from "prometheus/V1PodMonitor";
import { validate as PrometheusRule } from "prometheus/V1PrometheusRule";

const judges = { ScaledObject, TriggerAuthentication, PodMonitor, PrometheusRule };

// A judge looks at every field it knows and passes over the others, so what was never looked at is unknown.
function watched(value, path, unknown) {
  if (typeof value !== "object" || value === null) return value;
  const unseen = new Set(Object.keys(value));
  if (unseen.size) unknown.set(path, unseen);
  return new Proxy(value, {
    get(target, name) {
      unseen.delete(name);
      return watched(target[name], `${path}/${String(name)}`, unknown);
    },
  });
}

function faults(resource) {
  const judge = judges[resource.kind];
  if (!judge) return [`no judge for ${resource.kind}`];
  const unknown = new Map();
  const errors = judge(watched(resource, "", unknown)) ? [] : judge.errors;
  return [
    ...errors.map(({ instancePath, keyword, params }) => `${instancePath} ${keyword} ${JSON.stringify(params)}`),
    ...[...unknown].flatMap(([path, names]) => [...names].map((name) => `${path}/${name} unknown`)),
  ];
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(faults)));
