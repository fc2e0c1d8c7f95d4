// SPDX-License-Identifier: GPL-2.0
// query.mjs ROWS FILE...: run the statements of SQL files in DuckDB over the rows, and print what the
// last one gave, an object a line.

import {createRequire} from "node:module";
import {readFileSync} from "node:fs";

const require = createRequire(process.env.KCT_NODE_MODULES + "/");
const {DuckDBInstance} = require("@duckdb/node-api");

const [rows, ...files] = process.argv.slice(2);
const connection = await (await DuckDBInstance.create(":memory:")).connect();
await connection.run("SET VARIABLE rows = $1", [rows]);
let result;
for (const file of files) {
	const statements = await connection.extractStatements(readFileSync(file, "utf8"));
	for (let i = 0; i < statements.count; i++)
		result = await (await statements.prepare(i)).runAndReadAll();
}
for (const row of result.getRowObjectsJson())
	console.log(JSON.stringify(row));
