// Runs the page's program under Node: gives it the files of each model, and prints what it answers as one line of JSON.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { dotnet } from './_framework/dotnet.js';

const [models, prompt, count, text] = process.argv.slice(2);
const runtime = await dotnet.create();
const config = runtime.getConfig();
const page = (await runtime.getAssemblyExports(config.mainAssemblyName)).Page;
for (const model of ['writer', 'encoder'])
    for (const file of readdirSync(join(models, model)))
        page.Add(model, file, readFileSync(join(models, model, file)));
const generated = await page.Generate('writer', prompt, Number(count));
const embedding = JSON.parse(await page.Embed('encoder', text));
console.log('RESULT ' + JSON.stringify({ generated, embedding }));
process.exit(0);
