// Run the tasks of a JSON file with the engine in a folder: node node.mjs FOLDER FILE

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

import { revive, runTasks } from "./tasks.mjs";

const [folder, file] = process.argv.slice(2);
const charloom = await import(pathToFileURL(`${folder}/charloom.js`));
process.stdout.write(JSON.stringify(await runTasks(charloom, revive(readFileSync(file, "utf8")))));
