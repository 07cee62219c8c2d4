// Runs a WebAssembly program in node, and lets it print lines: `node host.mjs PROGRAM`.
import { readFileSync } from "node:fs";

let memory;
const host = {
  print: (start, length) =>
    console.log(new TextDecoder().decode(new Uint8Array(memory.buffer, start, length))),
};
const module = await WebAssembly.compile(readFileSync(process.argv[2]));
const instance = await WebAssembly.instantiate(module, { host });
memory = instance.exports.memory;
instance.exports.main(0, 0);
