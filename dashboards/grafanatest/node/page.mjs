// node page.mjs BOARD OUT.html: one dashboard as a page that looks like
// Grafana's, from its panels and the frames of their queries. BOARD is
// {dashboard, panels: [{board, panel, frames}], marks, from, to, mode, width}.
import * as echarts from 'echarts';
import { writeFileSync } from 'node:fs';
import { FieldType, fieldsOf, getFieldSeriesColor, read, setMode, text, theme } from './grafana.mjs';

const { dashboard, panels, marks, from, to, mode, width: pageWidth } = read(process.argv[2]);
setMode(mode);

const page = { width: pageWidth, gap: 8, row: 30 };
const ink = {
  dark: { text: '#ccccdc', faint: 'rgba(204,204,220,0.65)', line: 'rgba(204,204,220,0.12)', panel: '#181b1f', ground: '#111217', link: '#6e9fff' },
  light: { text: '#24292e', faint: 'rgba(36,41,46,0.75)', line: 'rgba(36,41,46,0.12)', panel: '#ffffff', ground: '#f4f5f5', link: '#1f62e0' },
}[mode];
const font = "Inter, 'Liberation Sans', Arial, sans-serif";
const column = (page.width - page.gap) / 24;

const escape = (s) => String(s).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const shown = (field, value) => (value === null || value === undefined ? '' : text(field.display(value)));
const last = (field) => field.values.filter((value) => value !== null).at(-1) ?? null;
const numbers = (frame) => frame.fields.filter((field) => field.type === FieldType.number);

function chart(width, height, option) {
  const c = echarts.init(null, mode, { renderer: 'svg', ssr: true, width, height });
  c.setOption({ backgroundColor: 'transparent', animation: false, textStyle: { fontFamily: font, fontSize: 12, color: ink.text }, ...option });
  const svg = c.renderToSVGString();
  c.dispose();
  return svg;
}

const timeAxis = {
  type: 'time', min: from, max: to, splitNumber: 6,
  axisLine: { lineStyle: { color: ink.line } }, axisTick: { show: false }, splitLine: { show: true, lineStyle: { color: ink.line } },
  axisLabel: { color: ink.faint, fontSize: 11, hideOverlap: true, formatter: (ms) => new Date(ms).toISOString().slice(11, 16) },
};

const legend = (fields) => `<div class="legend">${fields
  .map((field) => `<span><i style="background:${getFieldSeriesColor(field, theme).color}"></i>${escape(field.state.displayName)}</span>`)
  .join('')}</div>`;

// legendHeight is how tall a legend of these names will be.
function legendHeight(fields, width) {
  let rows = 1;
  let x = 0;
  for (const field of fields) {
    const w = 30 + field.state.displayName.length * 6.6;
    if (x > 0 && x + w > width - 16) [rows, x] = [rows + 1, 0];
    x += w;
  }
  return Math.min(rows, 3) * 18 + 4;
}

function timeseries(panel, [frame], width, height) {
  const time = frame.fields[0];
  const fields = numbers(frame);
  const stacked = panel.fieldConfig.defaults.custom.stacking.mode === 'normal';
  const below = legendHeight(fields, width);
  const series = fields.map((field) => {
    const color = getFieldSeriesColor(field, theme).color;
    const { fillOpacity, lineStyle, lineWidth } = field.config.custom;
    const least = scale(panel).type === 'log' ? scale(panel).min : -Infinity;
    const points = field.values.map((value, i) => [time.values[i], value === null ? null : Math.max(value, least)]);
    if (stacked) return { type: 'bar', stack: 'all', data: points, itemStyle: { color, opacity: fillOpacity / 100 }, barWidth: Math.max(1, (width - 80) / Math.max(1, stepsOf(time)) ) };
    return {
      type: 'line', data: points, showSymbol: false, connectNulls: false, itemStyle: { color },
      lineStyle: { width: lineWidth ?? 1, color, type: lineStyle?.fill === 'dash' ? [8, 6] : 'solid' }, areaStyle: { color, opacity: (fillOpacity ?? 0) / 100 },
    };
  });
  if (series.length > 0 && marks.length > 0) {
    series[0].markLine = {
      silent: true, symbol: ['none', 'triangle'], symbolSize: 5, symbolRotate: 180, label: { show: false }, lineStyle: { color: '#E02F44', type: 'dashed', width: 1, opacity: 0.7 },
      data: marks.map((ms) => ({ xAxis: ms })),
    };
  }
  return chart(width, height - below, {
    grid: { left: 8, right: 14, top: 8, bottom: 4, containLabel: true },
    xAxis: timeAxis,
    yAxis: {
      ...scale(panel), splitNumber: 4, splitLine: { lineStyle: { color: ink.line } },
      axisLabel: { color: ink.faint, fontSize: 11, formatter: (value) => shown(fields[0], value) },
    },
    series,
  }) + legend(fields);
}

// scale is that of the panel's values. A symmetric logarithm is drawn as a plain one
// from its threshold on.
function scale({ fieldConfig: { defaults } }) {
  const { scaleDistribution } = defaults.custom;
  if (scaleDistribution?.type === 'symlog') return { type: 'log', logBase: scaleDistribution.log, min: scaleDistribution.linearThreshold, max: defaults.max };
  return { type: 'value', min: 0, max: defaults.max };
}

// stepsOf is how many points of the axis' distance the span has.
function stepsOf(time) {
  let step = Infinity;
  for (let i = 1; i < time.values.length; i++) step = Math.min(step, time.values[i] - time.values[i - 1]);
  return Number.isFinite(step) ? (to - from) / step : 60;
}

function heatmap(panel, [frame], width, height) {
  const time = frame.fields[0];
  const rows = numbers(frame).map((field) => ({ le: Number(field.labels.le), field })).sort((a, b) => a.le - b.le);
  const unit = fieldsOf({ fieldConfig: { defaults: { unit: panel.options.yAxis.unit, custom: {} }, overrides: [] } }, [{ schema: { fields: [{ name: 'le', type: 'number' }] }, data: { values: [[1]] } }]).series[0].fields[0];
  const cells = [];
  let most = 1;
  rows.forEach(({ field }, y) => field.values.forEach((value, x) => {
    if (value > 0) cells.push([x, y, value ** panel.options.color.exponent]);
    most = Math.max(most, (value ?? 0) ** panel.options.color.exponent);
  }));
  return chart(width, height, {
    grid: { left: 8, right: 14, top: 8, bottom: 4, containLabel: true },
    xAxis: { type: 'category', data: time.values, axisTick: { show: false }, axisLine: { show: false },
      axisLabel: { ...timeAxis.axisLabel, interval: Math.ceil(time.values.length / 7), formatter: (ms) => new Date(Number(ms)).toISOString().slice(11, 16) } },
    yAxis: { type: 'category', data: rows.map(({ le }) => shown(unit, le)), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: ink.faint, fontSize: 11 } },
    visualMap: { show: false, min: 0, max: most, inRange: { color: mode === 'dark' ? oranges : oranges.toReversed() } },
    series: [{ type: 'heatmap', data: cells, itemStyle: { borderColor: ink.panel, borderWidth: 0.5 } }],
  });
}

const oranges = ['#3b1d08', '#7f2704', '#d94801', '#fd8d3c', '#fdd0a2'];

function lanes(panel, [frame], width, height) {
  const time = frame.fields[0];
  const fields = numbers(frame);
  const step = (to - from) / stepsOf(time);
  const blocks = [];
  fields.forEach((field, lane) => {
    field.values.forEach((value, i) => {
      if (value === null) return;
      const color = field.display(value).color;
      const before = blocks.at(-1);
      const start = time.values[i];
      if (before && before.lane === lane && before.color === color && start <= before.end) before.end = start + step;
      else blocks.push({ lane, start, end: start + step, color });
    });
  });
  return chart(width, height, {
    grid: { left: 8, right: 14, top: 4, bottom: 4, containLabel: true },
    xAxis: timeAxis,
    yAxis: { type: 'category', inverse: true, data: fields.map((field) => field.state.displayName), axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: ink.text, fontSize: 11, width: 150, overflow: 'truncate' } },
    series: [{
      type: 'custom', data: blocks.map(({ lane, start, end }) => [lane, start, end]), encode: { x: [1, 2], y: 0 },
      renderItem: (params, api) => {
        const at = api.coord([api.value(1), api.value(0)]);
        const until = api.coord([Math.min(api.value(2), to), api.value(0)]);
        const h = api.size([0, 1])[1] * 0.85;
        return { type: 'rect', shape: { x: at[0], y: at[1] - h / 2, width: Math.max(1, until[0] - at[0]), height: h }, style: { fill: blocks[params.dataIndex].color, opacity: 0.85 } };
      },
    }],
  });
}

function stat(panel, [frame], width, height) {
  const fields = numbers(frame);
  const solid = panel.options.colorMode === 'background_solid';
  // Grafana measures the text and lets it fit.
  const longest = Math.max(...fields.map((field) => text(field.display(last(field))).length));
  const size = Math.min(46, height * 0.42, (width / fields.length) * 0.2, (width / fields.length / longest) * 1.6);
  return `<div class="stats">${fields.map((field) => {
    const value = field.display(last(field));
    const color = value.color ?? ink.text;
    const name = fields.length > 1 ? `<div class="name">${escape(field.state.displayName)}</div>` : '';
    const course = panel.options.graphMode === 'area' ? `<div class="course">${sparkline(frame.fields[0], field, color, width, height)}</div>` : '';
    return `<div style="${solid ? `background:${color};color:#fff` : `color:${color}`}">${course}${name}<div class="value" style="font-size:${size}px">${escape(text(value))}</div></div>`;
  }).join('')}</div>`;
}

const sparkline = (time, field, color, width, height) => chart(width, height * 0.5, {
  grid: { left: 0, right: 0, top: 2, bottom: 0 }, xAxis: { type: 'time', show: false, min: from, max: to }, yAxis: { show: false, min: 0 },
  series: [{ type: 'line', showSymbol: false, data: field.values.map((value, i) => [time.values[i], value]), lineStyle: { width: 1, color }, areaStyle: { color, opacity: 0.2 } }],
});

function bargauge(panel, [frame], width, height) {
  const [names, values] = [frame.fields.find((field) => field.type === FieldType.string), numbers(frame)[0]];
  const most = values.config.max ?? Math.max(...values.values);
  const row = Math.min(34, (height - 8) / values.values.length);
  return `<div class="bars">${values.values.map((value, i) => {
    const { color } = values.display(value);
    return `<div style="height:${row}px"><span class="label">${escape(names.values[i])}</span><span class="track"><i style="width:${(92 * value) / most}%;background:${color}33;border-right:2px solid ${color}"></i></span><b style="color:${color}">${escape(shown(values, value))}</b></div>`;
  }).join('')}</div>`;
}

function table(panel, [frame], width, height) {
  const fields = frame.fields.filter((field) => !field.config.custom?.hidden);
  const fixed = fields.reduce((sum, field) => sum + (field.config.custom?.width ?? 0), 0);
  const free = fields.filter((field) => !field.config.custom?.width).length;
  const rest = Math.max(150, (width - fixed) / Math.max(1, free)); // as Grafana does
  const rows = Math.min(frame.length, Math.floor((height - 34) / 30));
  const cell = (field, i) => {
    const value = field.display(field.values[i]);
    const color = field.config.custom?.cellOptions?.type === 'color-text' ? `color:${value.color}` : '';
    const kind = field.type === FieldType.number ? 'right' : field.config.custom?.wrapText ? 'wrapped' : '';
    return `<td class="${kind}" style="${color}">${field.values[i] === null ? '' : escape(text(value))}</td>`;
  };
  return `<table style="width:${Math.max(width, fixed + rest * free)}px"><colgroup>${fields.map((field) => `<col style="width:${field.config.custom?.width ?? rest}px">`).join('')}</colgroup>
<thead><tr>${fields.map((field) => `<th class="${field.type === FieldType.number ? 'right' : ''}">${escape(field.state.displayName)}</th>`).join('')}</tr></thead>
<tbody>${Array.from({ length: rows }, (_, i) => `<tr>${fields.map((field) => cell(field, i)).join('')}</tr>`).join('')}</tbody></table>`;
}

const kinds = { timeseries, heatmap, 'state-timeline': lanes, stat, bargauge, table };

function body({ panel, frames }, width, height) {
  const { series } = fieldsOf(panel, frames);
  if (series.length === 0 || series[0].length === 0) return `<div class="none">${escape(panel.fieldConfig.defaults.noValue)}</div>`;
  return kinds[panel.type](panel, series, width, height);
}

const boxes = dashboard.panels.map((panel) => {
  const { x, y, w, h } = panel.gridPos;
  const box = { left: page.gap + x * column, top: y * (page.row + page.gap), width: w * column - page.gap, height: h * (page.row + page.gap) - page.gap };
  const style = Object.entries(box).map(([k, v]) => `${k}:${v.toFixed(1)}px`).join(';');
  if (panel.type === 'row') return `<h3 style="${style}">&#8964; ${escape(panel.title)}</h3>`;
  const found = panels.find((p) => p.panel.id === panel.id);
  return `<section style="${style}"><h2>${escape(panel.title)}</h2><div class="body ${panel.type}">${body(found, box.width - 18, box.height - 44)}</div></section>`;
});
const bottom = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => (y + h) * (page.row + page.gap)));
const chips = dashboard.templating.list.filter((v) => v.name !== 'ds').map((v) => `<span class="chip"><b>${escape(v.label)}</b>All</span>`).join('');
const span = `${new Date(from).toISOString().slice(0, 16).replace('T', ' ')} to ${new Date(to).toISOString().slice(11, 16)} UTC`;

writeFileSync(process.argv[3], `<!doctype html><meta charset="utf-8"><style>
*{box-sizing:border-box}html,body{margin:0;background:${ink.ground};color:${ink.text};font:13px ${font};overflow:hidden}
header{height:44px;padding:0 ${page.gap + 4}px;display:flex;align-items:center;gap:10px}header h1{font-size:17px;font-weight:500;margin:0 14px 0 0}
.chip{background:${ink.panel};border:1px solid ${ink.line};border-radius:2px;padding:4px 9px}.chip b{font-weight:500;color:${ink.link};margin-right:8px}.span{margin-left:auto}
main{position:relative;height:${bottom}px}section,main>h3{position:absolute;overflow:hidden}section{background:${ink.panel};border:1px solid ${ink.line};border-radius:2px}
h2{font-size:13px;font-weight:500;margin:0;padding:8px 10px 6px;height:32px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}main>h3{font-size:15px;font-weight:500;margin:0;padding:6px 4px}
.body{padding:0 8px 8px;position:absolute;inset:32px 0 0 0;overflow:hidden}svg{display:block}
.legend{font-size:11px;color:${ink.text};max-height:56px;overflow:hidden;line-height:18px}.legend span{margin-right:14px;white-space:nowrap;display:inline-block}.legend i{display:inline-block;width:13px;height:4px;border-radius:2px;margin:0 6px 2px 0}
.stats{display:flex;height:100%;gap:6px}.stats>div{flex:1;display:flex;flex-direction:column;align-items:center;justify-content:center;position:relative;border-radius:2px;overflow:hidden}
.stats .name{font-size:13px;color:inherit;opacity:.9}.stats .value{font-weight:600;line-height:1.15;white-space:nowrap;position:relative}.stats .course{position:absolute;left:0;right:0;bottom:0}
.bars{padding-top:2px}.bars>div{display:flex;align-items:center;gap:8px;padding:2px 0}.bars .label{width:34%;text-align:right;color:${ink.text};font-size:12px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}.bars .track{flex:1;height:100%}.bars i{display:block;height:100%}.bars b{width:58px;font-weight:500}
.table{padding:0;font-size:12.5px}table{border-collapse:collapse;table-layout:fixed}th{color:${ink.link};font-weight:500;text-align:left}th,td{height:30px;padding:0 8px;border-bottom:1px solid ${ink.line};white-space:nowrap;overflow:hidden;text-overflow:ellipsis}.right{text-align:right}.wrapped{white-space:normal;line-height:17px;padding:5px 8px}
.none{height:100%;display:flex;align-items:center;justify-content:center;color:${ink.faint};font-size:15px}
</style><header><h1>${escape(dashboard.title)}</h1>${chips}<span class="chip span">${span}</span></header><main>${boxes.join('\n')}</main>`);
console.log(`${page.width} ${Math.ceil(bottom + 44 + page.gap)}`);
