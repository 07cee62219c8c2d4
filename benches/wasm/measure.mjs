// Times every function that WebAssembly modules export: `node measure.mjs ROUNDS NAME=MODULE …`.
// Each round runs every workload in every module once, in a fresh instance, one module after the other.
// Prints a line of JSON for each workload and module: `{ workload, name, milliseconds: [one a round], pages }`.
import { readFileSync } from "node:fs";

const [rounds, ...modules] = process.argv.slice(2);
const compiled = modules.map((argument) => {
  const [name, path] = argument.split("=");
  return { name, module: new WebAssembly.Module(readFileSync(path)) };
});
const workloads = WebAssembly.Module.exports(compiled[0].module)
  .filter((it) => it.kind === "function")
  .map((it) => it.name);

// What a workload returns; nothing if it ends in a trap, as it does without memory.
function attempt(workload) {
  try {
    return workload();
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) return undefined;
    throw error;
  }
}

for (const workload of workloads) {
  const results = compiled.map(({ name }) => ({ workload, name, milliseconds: [], pages: 0 }));
  let sum;
  for (let round = 0; round < Number(rounds); round++) {
    for (const [at, { name, module }] of compiled.entries()) {
      const { exports } = new WebAssembly.Instance(module);
      const start = performance.now();
      const answer = attempt(exports[workload]);
      if (answer === undefined) continue;
      results[at].milliseconds.push(performance.now() - start);
      results[at].pages = exports.memory.buffer.byteLength / 65536;
      sum ??= answer;
      if (answer !== sum) throw new Error(`${workload} with ${name}: ${answer}, not ${sum}`);
    }
  }
  for (const result of results) console.log(JSON.stringify(result));
}
