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
  for (const name of names.filter((name) => /^(Value|Field)\b|[{}]/.test(name))) bad(`a field is called ${name}`);
  // Series are named after what came: of those overrides some must match, of
  // the others all.
  const byValue = frames.some((frame) => frame.schema.fields.some((field) => Object.keys(field.labels ?? {}).length > 0));
  const overrides = panel.fieldConfig.overrides.length;
  if (byValue ? overrides > 0 && unmatched.length === overrides : unmatched.length > 0) {
    bad(`overrides of ${unmatched.join(', ')} match none of ${names.join(', ')}`);
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
