// Makes judge.bundle.cjs anew: `npm install --no-save && npm run build` in this folder.
import { build } from "esbuild";
import { resolve } from "node:path";

const packages = resolve("node_modules/@kubernetes-models");
const folders = {
  keda: `${packages}/keda/_schemas/`,
  prometheus: `${packages}/prometheus-operator/_schemas/ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoring`,
};

// The few formats these resources use; the package's own set brings an e-mail parser and a regular expression engine.
const formats = `
const whole = (least, most) => ({ type: "number", validate: (n) => Number.isInteger(n) && n >= least && n <= most });
export const formats = {
  int32: whole(-(2 ** 31), 2 ** 31 - 1),
  int64: whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  quantity: { validate: (text) => /^[+-]?[0-9.]+([KMGTPE]i?|[numk]|[eE][+-]?[0-9]+)?$/.test(text) },
  "date-time": { validate: (text) => !Number.isNaN(Date.parse(text)) },
};
`;

// Go writes "whatever the case" into the expression.
const expressions = `
export default class extends RegExp {
  constructor(text, flags) {
    super(text.replace("(?i)", ""), text.includes("(?i)") ? flags + "i" : flags);
  }
}
`;

const plugin = {
  name: "judges",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(keda|prometheus)\// }, ({ path }) => {
      const [folder, name] = path.split("/");
      return { path: `${folders[folder]}${name}.js` };
    });
    onResolve({ filter: /^@kubernetes-models\/validate$/ }, () => ({ path: "formats", namespace: "few" }));
    onLoad({ filter: /.*/, namespace: "few" }, () => ({ contents: formats }));
    onResolve({ filter: /runtime\/re2(\.js)?$/ }, () => ({ path: "re2", namespace: "own" }));
    onLoad({ filter: /.*/, namespace: "own" }, () => ({ contents: expressions }));
  },
};

await build({
  entryPoints: ["judge.js"],
  outfile: "judge.bundle.cjs",
  bundle: true,
  minify: true,
  platform: "node",
  format: "cjs",
  plugins: [plugin],
  banner: {
    js: "// Made by build.mjs from @kubernetes-models/keda 2.0.0 and @kubernetes-models/prometheus-operator 6.0.0: MIT, see LICENSE.txt.",
  },
});
