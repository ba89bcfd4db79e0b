// Run the tasks of a JSON file with the engine in a folder: node node.mjs FOLDER FILE

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { revive, runTasks } from "./tasks.mjs";

const [folder, file] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/${name}.js`));
const inner = ["arithmetic", "randomness", "labels"];
const modules = await Promise.all(inner.map(load));
const charloom = {
  ...(await load("charloom")),
  ...Object.fromEntries(inner.map((name, k) => [name, modules[k]])),
};
process.stdout.write(JSON.stringify(await runTasks(charloom, revive(readFileSync(file, "utf8")))));
