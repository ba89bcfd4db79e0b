// Write a text with one kernel and print the best figures of some rounds: see javascript.py.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file, kernel, length, rounds] = process.argv.slice(2);
const { TextGenerator, finish, readModel } = await import(pathToFileURL(`${folder}/charloom.js`));
const source = readFileSync(file, "utf8");
const begin = performance.now();
const generator = new TextGenerator(readModel(source), kernel);
const loading = performance.now() - begin;
const options = { temperature: 1, length: Number(length), bias: { "<eos>": -Infinity } };
const start = generator.begin("", options);
let [wall, cpu, text] = [Infinity, Infinity, ""];
for (let round = 0; round < Number(rounds); round++) {
  const [clock, usage] = [performance.now(), process.cpuUsage()];
  ({ text } = finish(generator.write(start)));
  wall = Math.min(wall, performance.now() - clock);
  cpu = Math.min(cpu, process.cpuUsage(usage).user / 1000);
}
const used = generator.network.kernel.name;
process.stdout.write(JSON.stringify({ text, kernel: used, loading, wall, cpu }));
