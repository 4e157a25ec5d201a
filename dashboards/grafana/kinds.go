package grafana

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"

	"statline/dashboards"
)

// kind is the part of a panel that the SDK's builder of its kind makes.
type kind struct {
	build  cog.Builder[dashboard.Panel]
	format Format
	color  dashboard.FieldColorModeId
}

// kindOf is how Grafana draws p.
func kindOf(p dashboards.Panel) (kind, error) {
	switch p.Kind {
	case dashboards.Lines:
		return lines(p.Unit == dashboards.Share), nil
	case dashboards.Stacked:
		return stacked(), nil
	case dashboards.Heat:
		return heat(grafanaUnits()[p.BucketUnit]), nil
	case dashboards.Lanes:
		return lanes(), nil
	case dashboards.Spark:
		return number(common.BigValueGraphModeArea, common.BigValueColorModeValue, TimeSeries), nil
	case dashboards.Number:
		return number(common.BigValueGraphModeNone, common.BigValueColorModeValue, Table), nil
	case dashboards.Alarm:
		return number(common.BigValueGraphModeNone, common.BigValueColorModeBackgroundSolid, Table), nil
	case dashboards.Bars:
		return bars(), nil
	case dashboards.Table:
		return rows(), nil
	}
	return kind{}, fmt.Errorf("panel %q: kind %q has no picture in Grafana", p.Title, p.Kind)
}

func tooltip() *common.VizTooltipOptionsBuilder {
	return common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)
}

func legend() *common.VizLegendOptionsBuilder {
	return common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).
		Placement(common.LegendPlacementBottom).ShowLegend(true).Calcs([]string{})
}

// lines draws each series as a line. Series without a colour of their own, which are
// named after what came, take Grafana's palette in turn: by name, two of eight
// services had one colour. A share lies between 0 and 1, and the small
// ones matter: its axis is logarithmic from a thousandth on.
func lines(share bool) kind {
	p := timeseries.NewPanelBuilder().DrawStyle(common.GraphDrawStyleLine).LineWidth(1.5).FillOpacity(8).
		ShowPoints(common.VisibilityModeAuto).
		LineInterpolation(common.LineInterpolationLinear).GradientMode(common.GraphGradientModeNone).
		AxisPlacement(common.AxisPlacementAuto).
		AxisSoftMin(0).SpanNulls(common.BoolOrFloat64{Bool: cog.ToPtr(false)}).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNone).Group("A")).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeOff)).
		Tooltip(tooltip()).Legend(legend())
	if share {
		p = p.Min(0).Max(1).ScaleDistribution(common.NewScaleDistributionConfigBuilder().
			Type(common.ScaleDistributionSymlog).Log(10).LinearThreshold(0.001))
	}
	return kind{p, TimeSeries, dashboard.FieldColorModeIdPaletteClassic}
}

// stacked draws series that add up.
func stacked() kind {
	return kind{timeseries.NewPanelBuilder().DrawStyle(common.GraphDrawStyleBars).LineWidth(0).FillOpacity(85).
		ShowPoints(common.VisibilityModeNever).
		GradientMode(common.GraphGradientModeNone).AxisPlacement(common.AxisPlacementAuto).AxisSoftMin(0).
		BarWidthFactor(1).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeOff)).
		Tooltip(tooltip()).Legend(legend()), TimeSeries, dashboard.FieldColorModeIdPaletteClassic}
}

func reduce(values bool) *common.ReduceDataOptionsBuilder {
	return common.NewReduceDataOptionsBuilder().Values(values).Calcs([]string{"lastNotNull"}).Fields("")
}

// number shows each numeric column of one row, coloured by its thresholds: alone, on a
// coloured background, or with a sparkline behind it.
func number(graph common.BigValueGraphMode, color common.BigValueColorMode, format Format) kind {
	return kind{stat.NewPanelBuilder().GraphMode(graph).ColorMode(color).JustifyMode(common.BigValueJustifyModeAuto).
		TextMode(common.BigValueTextModeAuto).Orientation(common.VizOrientationAuto).WideLayout(true).
		ReduceOptions(reduce(false)), format, dashboard.FieldColorModeIdThresholds}
}

// bars shows one bar a row.
func bars() kind {
	return kind{bargauge.NewPanelBuilder().DisplayMode(common.BarGaugeDisplayModeBasic).
		ValueMode(common.BarGaugeValueModeColor).NamePlacement(common.BarGaugeNamePlacementLeft).
		ShowUnfilled(false).Sizing(common.BarGaugeSizingAuto).Orientation(common.VizOrientationHorizontal).
		ReduceOptions(reduce(true)).
		Legend(legend().ShowLegend(false)), Table, dashboard.FieldColorModeIdThresholds}
}

// rows is a table.
func rows() kind {
	return kind{table.NewPanelBuilder().ShowHeader(true).CellHeight(common.TableCellHeightSm).Filterable(true), Table,
		dashboard.FieldColorModeIdThresholds}
}

// heat shows buckets over time; unit is the buckets'.
func heat(unit string) kind {
	return kind{heatmap.NewPanelBuilder().Calculate(false).CellGap(1).
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Oranges").
			Fill("dark-orange").Scale(heatmap.HeatmapColorScaleExponential).Exponent(0.5).Steps(64)).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(unit).AxisPlacement(common.AxisPlacementLeft)).
		RowsFrame(heatmap.NewRowsHeatmapOptionsBuilder().Layout(common.HeatmapCellLayoutLe)).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle).YHistogram(false).
			ShowColorScale(true)).
		ShowValue(common.VisibilityModeNever).SelectionMode(heatmap.HeatmapSelectionModeX).ShowLegend(), TimeSeries,
		dashboard.FieldColorModeIdThresholds}
}

// lanes shows one lane a series, coloured by the thresholds.
func lanes() kind {
	return kind{statetimeline.NewPanelBuilder().ShowValue(common.VisibilityModeNever).RowHeight(0.85).MergeValues(true).
		AlignValue(common.TimelineValueAlignmentLeft).
		LineWidth(0).FillOpacity(85).Tooltip(tooltip()).Legend(legend().ShowLegend(false)), TimeSeries,
		dashboard.FieldColorModeIdThresholds}
}
