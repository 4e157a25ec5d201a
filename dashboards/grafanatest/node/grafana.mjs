// What Grafana's own library makes of a panel's frames: names, units, colours.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

Object.defineProperty(globalThis, 'navigator', { value: { language: 'en-GB', languages: ['en-GB'] }, configurable: true });
const data = createRequire(import.meta.url)('@grafana/data'); // its ES module needs a bundler

export let theme = data.createTheme({ colors: { mode: 'dark' } });

// setMode chooses the theme: 'dark' or 'light'.
export const setMode = (mode) => { theme = data.createTheme({ colors: { mode } }); };

const units = new Set(data.getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value)));

// knownUnit reports whether Grafana formats a unit by what it says: one of its
// list, or one of the prefixes that take any text.
export const knownUnit = (unit) => units.has(unit) || /^(suffix|prefix|time|si|count|currency|bool):/.test(unit);

// read is one file of the Go test: [{board, panel, frames}].
export const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

// fieldsOf gives each field the configuration that its panel's defaults and
// overrides name, a display name and a display processor. unmatched are the
// overrides that match no field.
export function fieldsOf(panel, frames) {
  const series = frames.map((frame) => data.dataFrameFromJSON(frame));
  const { defaults, overrides } = panel.fieldConfig;
  const unmatched = [];
  let seriesIndex = 0;
  for (const frame of series) {
    for (const field of frame.fields) {
      field.config = { ...field.config, ...structuredClone(defaults), custom: { ...defaults.custom } };
      field.state = { ...field.state, seriesIndex: field.type === data.FieldType.number ? seriesIndex++ : undefined };
    }
  }
  for (const override of overrides) {
    const matches = data.getFieldMatcher(override.matcher);
    let hit = false;
    for (const frame of series) {
      for (const field of frame.fields.filter((field) => matches(field, frame, series))) {
        hit = true;
        for (const { id, value } of override.properties) {
          if (id.startsWith('custom.')) field.config.custom[id.slice(7)] = value;
          else field.config[id] = value;
        }
      }
    }
    if (!hit && override.matcher.id !== 'byType') unmatched.push(override.matcher.options);
  }
  for (const frame of series) {
    for (const field of frame.fields) {
      field.state = { ...field.state, displayName: null };
      field.state.displayName = data.getFieldDisplayName(field, frame, series);
      field.display = data.getDisplayProcessor({ field, theme, timeZone: 'utc' });
    }
  }
  return { series, unmatched };
}

// text is a formatted value as Grafana prints it.
export const text = (shown) => data.formattedValueToString(shown);

export const { FieldType, getFieldSeriesColor } = data;
