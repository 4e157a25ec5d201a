// node fields.mjs FRAMES: holds the units, names and overrides of every panel
// against @grafana/data, with the frames that the panels' queries gave. Prints
// what a reader would see as JSON; complaints go to standard error.
import { FieldType, fieldsOf, knownUnit, read, text } from './grafana.mjs';

const complaints = [];
const shown = [];
for (const { board, panel, frames } of read(process.argv[2])) {
  const where = `${board}/${panel.title}`;
  const bad = (what) => complaints.push(`${where}: ${what}`);
  const given = [panel.fieldConfig.defaults.unit];
  for (const override of panel.fieldConfig.overrides) {
    given.push(...override.properties.filter(({ id }) => id === 'unit').map(({ value }) => value));
  }
  if (panel.options.yAxis?.unit) given.push(panel.options.yAxis.unit);
  for (const unit of given.filter((unit) => !knownUnit(unit))) bad(`unit ${unit} is none of Grafana's`);

  const { series, unmatched } = fieldsOf(panel, frames);
  const names = series.flatMap((frame) => frame.fields.map((field) => field.state.displayName));
  for (const name of names.filter((name, i) => names.indexOf(name) !== i)) bad(`two fields are called ${name}`);
  // "A" is the query's name: what Grafana calls a field whose own name is Value.
  for (const name of names.filter((name) => /^(Value|Field)\b|^A$|[{}]/.test(name))) bad(`a field is called ${name}`);
  // Series are named after what came: of those overrides some must match, of
  // the others all.
  const byValue = frames.some((frame) => frame.schema.fields.some((field) => Object.keys(field.labels ?? {}).length > 0));
  const overrides = panel.fieldConfig.overrides.length;
  if (byValue ? overrides > 0 && unmatched.length === overrides : unmatched.length > 0) {
    bad(`overrides of ${unmatched.join(', ')} match none of ${names.join(', ')}`);
  }
  if (panel.type === 'table') {
    // On a screen of 1,440 pixels no table is to be pushed aside to be read.
    const room = panel.gridPos.w * 59.6 - 26;
    const taken = series[0].fields.filter((field) => !field.config.custom.hidden).map((field) => field.config.custom.width ?? 150);
    const sum = taken.reduce((a, b) => a + b, 0);
    if (sum > room) bad(`the columns take ${sum} pixels of ${Math.floor(room)}: ${names.map((name, i) => `${name} ${taken[i] ?? '-'}`).join(', ')}`);
  }
  const fields = {};
  for (const frame of series) {
    for (const field of frame.fields.filter((field) => field.type === FieldType.number)) {
      const values = field.values.filter((value) => value !== null);
      fields[field.state.displayName] = values.length ? text(field.display(values.at(-1))) : field.config.noValue;
    }
  }
  shown.push({ board, title: panel.title, fields });
}
console.log(JSON.stringify(shown, null, 1));
if (complaints.length) {
  console.error(complaints.join('\n'));
  process.exitCode = 1;
}
