// node options.mjs DIR: holds the options and the field configuration of every
// panel in DIR's dashboards against the types of @grafana/schema, words of
// enumerations included. Exits with 1 and one line a complaint.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const dir = process.argv[2];
const types = (panel) => join(here, `node_modules/@grafana/schema/dist/types/raw/composable/${panel}/panelcfg/x/types.gen`);

// What Grafana before 13 reads, beside what 13 calls it: hideFrom.viz.
const older = ['custom.hidden'];

// Grafana fills in what is missing, and JSON holds the words of enumerations.
const lines = [
  "import type { FieldConfig as Standard } from '@grafana/schema';",
  'type DP<T> = T extends (infer U)[] ? DP<U>[] : T extends string ? T | `${T}` : T extends object ? { [K in keyof T]?: DP<T[K]> } : T;',
];
const imported = new Set();
const places = []; // by line: what stands there
const check = (where, type, value) => {
  places[lines.length] = where;
  lines.push(`export const c${lines.length}: DP<${type}> = ${JSON.stringify(value)};`);
};

let panels = 0;
const complaints = [];
for (const file of readdirSync(dir).filter((name) => name.endsWith('.json'))) {
  for (const panel of JSON.parse(readFileSync(join(dir, file), 'utf8')).panels) {
    if (panel.type === 'row') continue;
    panels++;
    const name = panel.type.replaceAll('-', '');
    if (!imported.has(name)) {
      imported.add(name);
      lines.push(`import type * as ${name} from '${types(name)}';`);
    }
    const where = `${file} ${panel.title}`;
    const { custom, ...standard } = panel.fieldConfig.defaults;
    check(`${where}: options`, `${name}.Options`, panel.options);
    check(`${where}: field configuration`, 'Standard', standard);
    const hasCustom = !['stat', 'bargauge'].includes(name);
    if (custom && !hasCustom) complaints.push(`${where}: custom: a ${panel.type} has none`);
    if (custom && hasCustom) check(`${where}: custom`, name === 'table' ? "import('@grafana/schema').TableFieldOptions" : `${name}.FieldConfig`, custom);
    for (const { matcher, properties } of panel.fieldConfig.overrides) {
      for (const { id, value } of properties) {
        const of = `${where}: override of ${matcher.options}: ${id}`;
        if (older.includes(id)) continue;
        if (!id.startsWith('custom.')) check(of, `Pick<Standard, ${JSON.stringify(id)}>`, { [id]: value });
        else if (hasCustom) {
          const type = name === 'table' ? "import('@grafana/schema').TableFieldOptions" : `${name}.FieldConfig`;
          check(of, type, { [id.slice(7)]: value });
        } else complaints.push(`${of}: a ${panel.type} has none`);
      }
    }
  }
}

const path = join(here, 'dashboards.generated.ts'); // in memory only
const options = { strict: true, noEmit: true, skipLibCheck: true, target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, types: [], lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'] };
const host = ts.createCompilerHost(options);
const source = lines.join('\n');
const { readFile, fileExists, getSourceFile } = host;
host.fileExists = (name) => name === path || fileExists.call(host, name);
host.readFile = (name) => (name === path ? source : readFile.call(host, name));
host.getSourceFile = (name, ...rest) => (name === path ? ts.createSourceFile(name, source, options.target) : getSourceFile.call(host, name, ...rest));
const program = ts.createProgram([path], options, host);
for (const d of ts.getPreEmitDiagnostics(program)) {
  const message = ts.flattenDiagnosticMessageText(d.messageText, ' ');
  const place = d.file?.fileName === path ? places[d.file.getLineAndCharacterOfPosition(d.start).line] : d.file?.fileName;
  complaints.push(`${place}: ${message}`);
}
if (panels === 0) complaints.push(`no panel in ${dir}`);
if (complaints.length) {
  console.error(complaints.join('\n'));
  process.exit(1);
}
console.log(`${panels} panels, ${lines.length} checks`);
