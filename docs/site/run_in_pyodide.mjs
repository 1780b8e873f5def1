// Run a Python program under Pyodide in Node: node run_in_pyodide.mjs RUNTIME PROGRAM WHEEL...
//
// RUNTIME is the folder of a Pyodide distribution with NumPy in it; the wheels are unpacked, not looked up anywhere.
import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [runtime, program, ...wheels] = process.argv.slice(2).map((path) => resolve(path));
const { loadPyodide } = await import(pathToFileURL(`${runtime}/pyodide.mjs`));
const pyodide = await loadPyodide({ indexURL: `${runtime}/` });
await pyodide.loadPackage(["numpy", "ipython"], { messageCallback: () => {} });
for (const wheel of wheels) pyodide.FS.writeFile(`/tmp/${basename(wheel)}`, new Uint8Array(await readFile(wheel)));
const unpack = `
import pathlib, sys, zipfile
for wheel in pathlib.Path("/tmp").glob("*.whl"):
    zipfile.ZipFile(wheel).extractall("/lib/wheels")
sys.path.insert(0, "/lib/wheels")
`;
await pyodide.runPythonAsync(unpack);
try {
  await pyodide.runPythonAsync(await readFile(program, "utf8"), { filename: basename(program) });
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
